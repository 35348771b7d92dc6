//! Data that cannot be used: images, texts, tables, series and recipes, a table of cases.
//!
//! A file that is broken is left out and reported; only where nothing is left does the work fail.

use super::*;

/// A command and the text that it ends with.
struct Case {
    arguments: &'static str,
    code: i32,
    add: fn(&Folder),
    text: Expect,
}

/// Runs every case in a folder with sound images, texts, tables and models.
fn check_all(cases: Vec<Case>) {
    for case in cases {
        let folder = &Folder::new();
        sound(folder);
        (case.add)(folder);
        let mut command = folder.command(case.arguments);
        // Nothing is looked for in the folders of whoever runs the tests, nor downloaded.
        command.env("IBEX_DATA_HOME", "home").env("IBEX_CACHE_HOME", "cache");
        let outcome = support::Outcome::of(command.output().unwrap());
        case.text.assert_eq(&outcome.stderr);
        assert_eq!(outcome.code, Some(case.code), "{}\n{}", case.arguments, outcome.stderr);
        let wrong = ["panicked", "backtrace", "internal error", "RUST_"];
        assert!(!wrong.iter().any(|word| outcome.stderr.contains(word)), "{outcome:?}");
    }
}

fn write(folder: &Folder, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A picture of one colour, as a PNG of `width` and `height` pixels.
fn png(level: u8, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([level, 255 - level, 9]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn sound(folder: &Folder) {
    classifier().save(folder.path("classes.keras")).unwrap();
    for (class, level) in [("dark", 10), ("light", 240)] {
        for i in 0..4u8 {
            write(folder, &format!("photos/{class}/{i}.png"), png(level + i, 9, 8));
            let text = ["bad awful bad", "good fine good"][usize::from(level > 99)];
            write(folder, &format!("texts/{class}/{i}.txt"), text);
        }
    }
    write(folder, "empty/nothing.md", "");
    let rows: String =
        (0..12).map(|i| format!("{i}.5,{},{}\n", i * i % 7, ["no", "yes"][i % 2])).collect();
    write(folder, "table.csv", format!("size,count,label\n{rows}"));
    write(folder, "series.csv", (0..30).map(|i| format!("{}\n", i % 5)).collect::<String>());
    let convnet = |channels: usize, units: usize| {
        let model = Sequential::new().add(Input::new([8, 8, channels])).add(Flatten::new());
        let mut model = model.add(Dense::new(units).activation(Sigmoid)).build().unwrap();
        model.compile(Compile::new(SGD::new(0.1), BinaryCrossentropy::new())).unwrap();
        model
    };
    convnet(3, 1).save(folder.path("photos.keras")).unwrap();
    convnet(2, 1).save(folder.path("two_channels.keras")).unwrap();
    let plain = Sequential::new().add(Input::new([3])).add(Dense::new(1)).build().unwrap();
    plain.save(folder.path("plain.keras")).unwrap();
}

fn nothing(_: &Folder) {}

#[test]
fn folders_of_images() {
    check_all(vec![
        Case {
            arguments: "train --model cnn --data nowhere",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model cnn --data empty",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model cnn --data bad",
            code: 1,
            add: |folder| write(folder, "bad/cats/a.jpeg2000", ""),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model cnn --data bad --verbose 0",
            code: 1,
            add: |folder| {
                write(folder, "bad/cats/a.png", "");
                write(folder, "bad/dogs/b.jpg", "");
            },
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/dark/9.png", ""),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/dark/9.png", &png(1, 40, 40)[..60]),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/dark/9.jpg", "these are no pixels"),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/light/9.gif", b"GIF89a\x05\x00\x05\x00"),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/light/9.bmp", b"BM\xff\xff\xff\xff"),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| {
                // A header that claims more pixels than there is memory for.
                let mut bytes = png(1, 4, 4);
                bytes[16..24].copy_from_slice(&[0, 0, 250, 0, 0, 0, 250, 0]);
                let crc = crc32(&bytes[12..29]);
                bytes[29..33].copy_from_slice(&crc.to_be_bytes());
                write(folder, "photos/light/9.png", bytes);
            },
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0 --stream",
            code: 0,
            add: |folder| write(folder, "photos/light/9.webp", b"RIFF\x04\x00\x00\x00WEBP"),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| std::fs::create_dir_all(folder.path("photos/zebras")).unwrap(),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model cnn --data bad",
            code: 1,
            add: |folder| write(folder, "bad/cats/a.png", png(1, 8, 8)),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model cnn --data bad --verbose 0",
            code: 1,
            add: |folder| write(folder, "bad/a.png", png(1, 8, 8)),
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos",
            code: 1,
            add: |folder| write(folder, "photos/zebras/9.png", png(90, 8, 8)),
            text: expect![[""]],
        },
        Case {
            arguments: "train classes.keras --data photos",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train two_channels.keras --data photos",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --image-size 5x5 --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --color-mode grayscale --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --image-size 0x5",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --image-size large",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --color-mode blue",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --interpolation smooth",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --validation-split 0.01",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data photos --workers many",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
    ]);
}

/// The checksum that PNG has (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[cfg(unix)]
#[test]
fn files_that_lead_nowhere() {
    check_all(vec![Case {
        arguments: "train photos.keras --data photos --verbose 0",
        code: 0,
        add: |folder| {
            std::os::unix::fs::symlink("gone.png", folder.path("photos/dark/9.png")).unwrap();
        },
        text: expect![[""]],
    }]);
}

#[test]
fn tables() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data table.csv",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data nowhere.csv --target y",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target lable",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target 3",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,2\n3,4,5\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", ""),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y,x\n1,2,3\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", b"x,y\n1,\xff\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv.gz --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv.gz", b"\x1f\x8b\x08\x00"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,a\n2,a\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,\n2,NA\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --task regression",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --task guessing",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --categories cuont",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --ignore size,count",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --validation-split 0.001",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val bad.csv --verbose 0",
            code: 1,
            add: |folder| write(folder, "bad.csv", "size,label\n1,yes\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val bad.csv --verbose 0",
            code: 1,
            add: |folder| write(folder, "bad.csv", "size,count,label\n1,2,perhaps\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "train classes.keras --data table.csv --target label --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model cnn --data table.csv --target label --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mpl --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train classes.keras --model mlp --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.parquet --target label",
            code: 2,
            add: |folder| write(folder, "table.parquet", "PAR1"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y --verbose 0",
            code: 0,
            add: |folder| {
                let rows = "1,0\nNaN,1\ninf,0\n4,1\n,0\n2,1\n9,0\n1,1\n2,0\n3,1\n";
                write(folder, "bad.csv", format!("x,y\n{rows}"));
            },
            text: expect![[""]],
        },
        Case {
            arguments: "evaluate plain.keras --data table.csv --target label",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
    ]);
}

#[test]
fn series() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data series.csv --window 5",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 0 --target 0",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 40 --target 0",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 29 --horizon 9 --target 0",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --window 3 --target label",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
    ]);
}

#[test]
fn folders_of_texts() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data texts --verbose 0",
            code: 0,
            add: |folder| write(folder, "texts/dark/9.txt", b"caf\xe9"),
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad",
            code: 1,
            add: |folder| {
                write(folder, "bad/a/1.txt", "");
                write(folder, "bad/b/1.txt", "  \n");
            },
            text: expect![[""]],
        },
        Case {
            arguments: "train photos.keras --data texts",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data texts --words 0",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "train --model mlp --data bad",
            code: 1,
            add: |folder| write(folder, "bad/a/1.txt", "alone"),
            text: expect![[""]],
        },
    ]);
}

#[test]
fn recipes_and_folds() {
    check_all(vec![
        Case {
            arguments: "evaluate classes.keras --data table.csv --target label",
            code: 1,
            add: |folder| write(folder, "classes.data.json", "{}"),
            text: expect![[""]],
        },
        Case {
            arguments: "evaluate classes.keras --data photos",
            code: 1,
            add: |folder| write(folder, "classes.data.json", r#"{"kind": "arrays"}"#),
            text: expect![[""]],
        },
        Case {
            arguments: "kfold --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "kfold --model mlp --data table.csv --target label --folds 1",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "kfold --model mlp --data table.csv --target label --folds 13",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "kfold plain.keras --data table.csv --target size",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
    ]);
}

#[test]
fn data_sets_by_name() {
    check_all(vec![
        Case { arguments: "datasets get minst", code: 2, add: nothing, text: expect![[""]] },
        Case {
            arguments: "datasets get digits --out nowhere",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "datasets get boston_housing",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
        Case {
            arguments: "datasets get boston_housing",
            code: 1,
            add: |folder| write(folder, "home/boston_housing/housing.csv", "1,2,3\n"),
            text: expect![[""]],
        },
        Case {
            arguments: "datasets get jena_climate",
            code: 1,
            add: |folder| {
                let path = "home/jena_climate/jena_climate_2009_2016.csv";
                write(folder, path, "Date Time,p\n1,2\n");
            },
            text: expect![[""]],
        },
        Case {
            arguments: "datasets get oxford_iiit_pet",
            code: 1,
            add: nothing,
            text: expect![[""]],
        },
    ]);
}
