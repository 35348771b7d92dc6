//! Training, measuring and predicting on images, texts, tables and series from the command line.

mod support;

use support::{Folder, Outcome};

fn write(folder: &Folder, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A number of the output, such as `accuracy: 0.9`.
fn number(outcome: &Outcome, name: &str) -> f64 {
    let prefix = format!("{name}: ");
    let line = outcome.stdout.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("no {name} in {outcome:?}")).parse().unwrap()
}

/// Pictures whose left or right half is bright.
fn photos(folder: &Folder) {
    for i in 0..24u32 {
        let class = ["left", "right"][i as usize % 2];
        let picture = image::RgbImage::from_fn(20 + i, 18, |x, _| {
            let bright = (x < (20 + i) / 2) == (i % 2 == 0);
            let level = if bright { 200 + (i % 5) as u8 } else { 40 + (i % 7) as u8 };
            image::Rgb([level, level, 30])
        });
        let path = folder.path(&format!("photos/{class}"));
        std::fs::create_dir_all(&path).unwrap();
        let ending = ["png", "bmp", "jpg"][i as usize % 3];
        picture.save(path.join(format!("{i:02}.{ending}"))).unwrap();
    }
}

#[test]
fn images_are_trained_on_measured_and_predicted() {
    let folder = Folder::new();
    photos(&folder);
    let train = "train --model cnn --data photos --image-size 16x12 --validation-split 0.25 \
                 --epochs 12 --batch-size 4 --verbose 0";
    let outcome = folder.done(&format!("{train} --out m.keras --history h.json"));
    assert_eq!(number(&outcome, "val_accuracy"), 1.0, "{outcome:?}");
    let recipe = folder.json("m.data.json");
    assert_eq!(recipe["class_names"], serde_json::json!(["left", "right"]));
    assert_eq!((&recipe["height"], &recipe["width"]), (&16.into(), &12.into()));
    // The choices are kept beside the model: nobody has to repeat them.
    assert_eq!(number(&folder.done("evaluate m.keras --data photos"), "accuracy"), 1.0);
    folder.done("predict m.keras --data photos --out y.npz");
    assert_eq!(folder.arrays("y.npz")[0].1.shape(), [24, 1]);
    // The same bits for any number of workers and threads, from memory or from files.
    let expected = folder.arrays("y.npz");
    for flags in ["--workers 0", "--workers 1 --threads 1", "--workers 3", "--stream --workers 3"] {
        let outcome = folder.done(&format!("{train} {flags} --out n.keras"));
        assert_eq!(number(&outcome, "val_accuracy"), 1.0);
        folder.done("predict n.keras --data photos --out z.npz");
        assert_eq!(folder.arrays("z.npz"), expected, "{flags}");
    }
    let outcome =
        folder.done("kfold --model logistic --data photos --image-size 8 --folds 3 --json");
    let found: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(found["accuracy"]["folds"].as_array().unwrap().len(), 3);
}

/// A WAV file of 16 bits with one channel, or two alike.
fn wav(channels: u16, wave: impl Iterator<Item = f64>) -> Vec<u8> {
    let level = |value: f64| ((value * 30_000.0) as i16).to_le_bytes();
    let data: Vec<u8> = wave.flat_map(|value| level(value).repeat(channels.into())).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    bytes.extend(channels.to_le_bytes());
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend((16_000 * u32::from(channels)).to_le_bytes());
    bytes.extend((2 * channels).to_le_bytes());
    bytes.extend(b"\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn sounds_are_trained_on_measured_and_predicted() {
    let folder = Folder::new();
    for i in 0..24u32 {
        let (class, pitch) = [("high", 1500.0), ("low", 300.0)][i as usize % 2];
        let step = std::f64::consts::TAU * (pitch + 10.0 * f64::from(i)) / 8000.0;
        let wave = (0..1600 + 20 * i).map(|t| 0.5 * (step * f64::from(t)).sin());
        write(&folder, &format!("tones/{class}/{i:02}.wav"), wav(1, wave));
    }
    let train = "train --model cnn --data tones --validation-split 0.25 --epochs 8 --batch-size 4 \
                 --verbose 0";
    let outcome = folder.done(&format!("{train} --out m.keras"));
    assert_eq!(number(&outcome, "val_accuracy"), 1.0, "{outcome:?}");
    let recipe = folder.json("m.data.json");
    assert_eq!(recipe["class_names"], serde_json::json!(["high", "low"]));
    let length = recipe["length"].as_u64().unwrap();
    assert!((1600..=2060).contains(&length) && recipe["channels"] == 1, "{recipe}");
    assert_eq!(number(&folder.done("evaluate m.keras --data tones"), "accuracy"), 1.0);
    folder.done("predict m.keras --data tones --out y.npz");
    let expected = folder.arrays("y.npz");
    assert_eq!(expected[0].1.shape(), [24, 1]);
    // The same bits from memory and from files that are read anew.
    folder.done(&format!("{train} --stream --workers 3 --out n.keras"));
    folder.done("predict n.keras --data tones --out z.npz");
    assert_eq!(folder.arrays("z.npz"), expected);
    let short = "--audio-length 900 --epochs 1 --verbose 0";
    folder.done(&format!("train --model mlp --data tones {short} --out s.keras"));
    assert_eq!(folder.json("s.data.json")["length"], 900);
    // A model says what it takes, with no recipe beside it.
    std::fs::remove_file(folder.path("s.data.json")).unwrap();
    folder.done("evaluate s.keras --data tones");
    folder.done("kfold --model logistic --data tones --audio-length 500 --folds 2 --jobs 2");
    // What has other channels is left out and told.
    write(&folder, "tones/low/stereo.wav", wav(2, (0..2000).map(|t| f64::from(t % 20) / 20.0)));
    let outcome = folder.done("evaluate m.keras --data tones");
    assert!(outcome.stderr.contains("1 file was left out"), "{outcome:?}");
    assert!(outcome.stderr.contains("2 channels in place of 1"), "{outcome:?}");
}

#[test]
fn tables_are_trained_on_measured_and_predicted() {
    let folder = Folder::new();
    let row = |i: usize| {
        let (size, color) = ((i * 37 % 50) as f64 / 10.0, ["red", "blue", "green"][i % 3]);
        let kind = if size + (i % 3) as f64 > 3.5 { "big" } else { "small" };
        let size = if i.is_multiple_of(17) { String::new() } else { size.to_string() };
        format!("{size},{color},{kind}\n")
    };
    let rows: String = (0..120).map(row).collect();
    write(&folder, "t.csv", format!("size,color,kind\n{rows}"));
    let outcome = folder.done(
        "train --model mlp --data t.csv --target kind --validation-split 0.25 --epochs 60 \
         --batch-size 8 --learning-rate 0.01 --verbose 0 --out m.keras",
    );
    assert!(number(&outcome, "val_accuracy") > 0.85, "{outcome:?}");
    let measured = folder.done("evaluate m.keras --data t.csv");
    assert!(number(&measured, "accuracy") > 0.85, "{measured:?}");
    // Without the column that is to be told.
    let rows: String =
        (0..9).map(row).map(|row| row.replace(",big", "").replace(",small", "")).collect();
    write(&folder, "new.csv", format!("size,color\n{rows}"));
    folder.done("predict m.keras --data new.csv --out y.npz");
    assert_eq!(folder.arrays("y.npz")[0].1.shape(), [9, 1]);
    let folds = "kfold --model logistic --data t.csv --target kind --folds 3 --rounds 2 --epochs 3";
    let outcome = folder.done(folds);
    assert!(outcome.stderr.contains("6 folds, each with its share of every class"), "{outcome:?}");
    assert!(outcome.stdout.contains(" ± "), "{outcome:?}");
    // The same bits again, and for any number of folds at a time.
    for jobs in [1, 2, 5] {
        let other = folder.done(&format!("{folds} --jobs {jobs}"));
        assert_eq!(other.stdout, outcome.stdout, "{jobs}");
        assert_eq!(other.stderr.lines().count(), outcome.stderr.lines().count());
    }
}

/// A Parquet file and the same table as CSV: the same model, for every command.
#[test]
fn parquet_is_taken_as_csv_is() {
    let folder = Folder::new();
    let place = support::goldens().join("../tables/polars.parquet");
    std::fs::copy(place, folder.path("t.parquet")).unwrap();
    let golden = support::golden_json("../tables/values");
    let cases = golden["cases"].as_array().unwrap();
    let columns = &cases.iter().find(|case| case["name"] == "polars").unwrap()["columns"];
    let columns = columns.as_object().unwrap();
    let field = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => format!("\"{text}\""),
        serde_json::Value::Null => String::new(),
        number => number.to_string(),
    };
    let mut rows = columns.keys().cloned().collect::<Vec<_>>().join(",");
    for i in 0..60 {
        let row: Vec<String> = columns.values().map(|values| field(&values[i])).collect();
        rows = format!("{rows}\n{}", row.join(","));
    }
    write(&folder, "t.csv", rows);
    for (target, measure) in [("color", "accuracy"), ("short", "mae")] {
        let mut numbers = Vec::new();
        for file in ["t.parquet", "t.csv"] {
            let data = format!("--data {file} --target {target}");
            let train = "train --model mlp --validation-split 0.2 --epochs 2 --verbose 0";
            folder.done(&format!("{train} {data} --out {file}.keras"));
            let measured = folder.done(&format!("evaluate {file}.keras --data {file}"));
            folder.done(&format!("predict {file}.keras --data {file} --out {file}.npz"));
            let folds = folder.done(&format!("kfold --model mlp --folds 2 --epochs 1 {data}"));
            let outputs = folder.arrays(&format!("{file}.npz"));
            numbers.push((number(&measured, measure), outputs, folds.stdout));
        }
        assert_eq!(numbers[0], numbers[1], "{target}");
    }
}

#[test]
fn quantities_keep_their_unit() {
    let folder = Folder::new();
    let rows: String =
        (0..200).map(|i| format!("{},{}\n", i % 20, 5000 + 300 * (i % 20))).collect();
    write(&folder, "t.csv", format!("a,price\n{rows}"));
    let outcome = folder.done(
        "train --model logistic --data t.csv --target price --task regression --epochs 120 \
         --learning-rate 0.05 --verbose 0 --out m.keras",
    );
    assert!(number(&outcome, "mae") < 100.0, "{outcome:?}");
    folder.done("predict m.keras --data t.csv --out y.npz");
    let first = folder.arrays("y.npz")[0].1.as_f32().unwrap()[0];
    assert!((first - 5000.0).abs() < 300.0, "{first}");
}

#[test]
fn texts_and_series_are_trained_on() {
    let folder = Folder::new();
    for i in 0..40 {
        let (class, word) = [("neg", "dull"), ("pos", "great")][i % 2];
        write(&folder, &format!("reviews/{class}/{i}.txt"), format!("A {word} film."));
    }
    let train =
        "--data reviews --validation-split 0.25 --epochs 60 --learning-rate 0.01 --verbose 0";
    for flags in ["--model logistic", "--model cnn --text-length 8", "--model mlp --words 20"] {
        let outcome = folder.done(&format!("train {flags} {train} --out m.keras"));
        assert_eq!(number(&outcome, "val_accuracy"), 1.0, "{flags}: {outcome:?}");
        assert_eq!(number(&folder.done("evaluate m.keras --data reviews"), "accuracy"), 1.0);
    }
    let wave: String =
        (0..300).map(|i| format!("{:.3}\n", (i as f64 / 5.0).sin() * 20.0)).collect();
    write(&folder, "wave.csv", format!("height\n{wave}"));
    for model in ["logistic", "cnn"] {
        let outcome = folder.done(&format!(
            "train --model {model} --data wave.csv --target height --window 16 --epochs 60 \
             --learning-rate 0.01 --validation-split 0.2 --verbose 0 --out s.keras"
        ));
        assert!(number(&outcome, "val_mae") < 3.0, "{model}: {outcome:?}");
        assert!(number(&folder.done("evaluate s.keras --data wave.csv"), "mae") < 3.0);
    }
}

#[test]
fn data_sets_are_listed_and_written() {
    let folder = Folder::new();
    let list = folder.done("datasets list").stdout;
    for name in ["boston_housing", "cifar100", "imdb", "jena_climate", "oxford_iiit_pet"] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{list}");
    }
    let outcome = folder.done("datasets get digits");
    assert!(outcome.stdout.contains("digits-train.npz: x0 uint8 (1438, 8, 8)"), "{outcome:?}");
    let outcome = folder.done(
        "train --model logistic --data digits-train.npz --val digits-test.npz \
                               --epochs 25 --verbose 0",
    );
    assert!(number(&outcome, "val_accuracy") > 0.85, "{outcome:?}");
}
