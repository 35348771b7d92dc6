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
            text: expect![[r#"
                error: cannot read `nowhere`: No such file or directory (os error 2)
                  help: check the path
            "#]],
        },
        Case {
            arguments: "train --model cnn --data empty",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: there is no file to use in `empty`
                  expected  files that end in .bmp, .gif, .jpeg, .jpg, .png, .webp, .txt
                  received  no subfolder
            "#]],
        },
        Case {
            arguments: "train --model cnn --data bad",
            code: 1,
            add: |folder| write(folder, "bad/cats/a.jpeg2000", ""),
            text: expect![[r#"
                error: there is no file to use in `bad`
                  expected  files that end in .bmp, .gif, .jpeg, .jpg, .png, .webp, .txt
                  received  none in the subfolders cats
            "#]],
        },
        Case {
            arguments: "train --model cnn --data bad --verbose 0",
            code: 1,
            add: |folder| {
                write(folder, "bad/cats/a.png", "");
                write(folder, "bad/dogs/b.jpg", "");
            },
            text: expect![[r#"
                error: none of the files can be used
                  expected  at least one that can be read
                  received  `bad/dogs/b.jpg` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  no bytes
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/dark/9.png", ""),
            text: expect![[r#"
                warning: 1 file was left out
                - `photos/dark/9.png` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  no bytes
                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/dark/9.png", &png(1, 40, 40)[..60]),
            text: expect![[r#"
                warning: 1 file was left out
                - `photos/dark/9.png` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  unexpected end of file
                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/dark/9.jpg", "these are no pixels"),
            text: expect![[r#"
                warning: 1 file was left out
                - `photos/dark/9.jpg` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  bytes of another kind
                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/light/9.gif", b"GIF89a\x05\x00\x05\x00"),
            text: expect![[r#"
                warning: 1 file was left out
                - `photos/light/9.gif` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  Format error decoding Gif: Unexpected End of File
                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 0,
            add: |folder| write(folder, "photos/light/9.bmp", b"BM\xff\xff\xff\xff"),
            text: expect![[r#"
                warning: 1 file was left out
                - `photos/light/9.bmp` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  failed to fill whole buffer
                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
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
            text: expect![[r#"
                warning: 1 file was left out
                - `photos/light/9.png` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  64000 × 64000 pixels, more than 268435456
                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0 --stream",
            code: 0,
            add: |folder| write(folder, "photos/light/9.webp", b"RIFF\x04\x00\x00\x00WEBP"),
            text: expect![[r#"
                the trained model will not be kept: there is no `--out FILE.keras`
                warning: 1 file was left out
                - `photos/light/9.webp` is no image that can be used
                  expected  a whole JPEG, PNG, WebP, BMP or GIF file
                  received  failed to fill whole buffer
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --verbose 0",
            code: 1,
            add: |folder| std::fs::create_dir_all(folder.path("photos/zebras")).unwrap(),
            text: expect![[r#"
                warning: the class `zebras` has no .bmp, .gif, .jpeg, .jpg, .png, .webp file
                error: labels of 0 and 1 need two classes
                  expected  2 classes
                  received  3 (dark, light, zebras)
            "#]],
        },
        Case {
            arguments: "train --model cnn --data bad",
            code: 1,
            add: |folder| write(folder, "bad/cats/a.png", png(1, 8, 8)),
            text: expect![[r#"
                error: the folder has one class only
                  expected  two subfolders or more, each with the files of a class
                  received  `cats`
            "#]],
        },
        Case {
            arguments: "train --model cnn --data bad --verbose 0",
            code: 1,
            add: |folder| write(folder, "bad/a.png", png(1, 8, 8)),
            text: expect![[r#"
                error: the data has no targets to learn
                  expected  a subfolder for each class
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos",
            code: 1,
            add: |folder| write(folder, "photos/zebras/9.png", png(90, 8, 8)),
            text: expect![[r#"
                data: 9 images of 3 classes
                classes: 0 dark, 1 light, 2 zebras
                error: labels of 0 and 1 need two classes
                  expected  2 classes
                  received  3 (dark, light, zebras)
            "#]],
        },
        Case {
            arguments: "train classes.keras --data photos",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the model takes no images
                  expected  an input of height, width and channels
                  received  (4)
            "#]],
        },
        Case {
            arguments: "train two_channels.keras --data photos",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the model takes no images
                  expected  1, 3 or 4 channels
                  received  2
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --image-size 5x5 --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                the trained model will not be kept: there is no `--out FILE.keras`
                error: input `input_layer` has the wrong shape
                  expected  (None, 8, 8, 3)
                  received  (8, 5, 5, 3)
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --color-mode grayscale --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                the trained model will not be kept: there is no `--out FILE.keras`
                error: input `input_layer` has the wrong shape
                  expected  (None, 8, 8, 3)
                  received  (8, 8, 8, 1)
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --image-size 0x5",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value '0x5' for '--image-size <HxW>': expected a height and a width, such as 160x120, or one number

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --image-size large",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'large' for '--image-size <HxW>': expected a height and a width, such as 160x120, or one number

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --color-mode blue",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'blue' for '--color-mode <rgb|grayscale|rgba>': unknown color mode
                  expected  grayscale, rgb or rgba
                  received  blue

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --interpolation smooth",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'smooth' for '--interpolation <NAME>': expected nearest, bilinear, bicubic, lanczos3 or lanczos5

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --validation-split 0.01",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the split leaves one part empty
                  expected  a fraction in (0, 1) that leaves samples on both sides
                  received  0.01 of 8 samples
            "#]],
        },
        Case {
            arguments: "train photos.keras --data photos --workers many",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'many' for '--workers <N>': invalid digit found in string

                For more information, try '--help'.
            "#]],
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
        text: expect![[r#"
            warning: 1 file was left out
            - cannot read `photos/dark/9.png`: No such file or directory (os error 2)
            the trained model will not be kept: there is no `--out FILE.keras`
        "#]],
    }]);
}

#[test]
fn tables() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data table.csv",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` is a table: which column is to be told?
                  expected  `--target COLUMN`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data nowhere.csv --target y",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: cannot read `nowhere.csv`: No such file or directory (os error 2)
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target lable",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column `lable`
                  expected  size, count, label
                  help: did you mean `label`?
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target 3",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column `3`
                  expected  size, count, label
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,2\n3,4,5\n"),
            text: expect![[r#"
                error: `bad.csv`, line 3: the table is ragged
                  expected  2 fields, as in the first line
                  received  3
                  help: a comma within a field needs quotes around the field
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", ""),
            text: expect![[r#"
                error: `bad.csv`: the table is empty
                  expected  a line for each sample
                  received  0 bytes
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n"),
            text: expect![[r#"
                error: `bad.csv`: the table has names but no rows
                  expected  a line for each sample
                  received  the header alone
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y,x\n1,2,3\n"),
            text: expect![[r#"
                error: `bad.csv`: two columns have the same name
                  expected  names that differ
                  received  `x` twice
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", b"x,y\n1,\xff\n"),
            text: expect![[r#"
                error: `bad.csv`: the table is no text
                  expected  UTF-8
                  received  other bytes in line 2
                  help: save the file as UTF-8
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv.gz --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv.gz", b"\x1f\x8b\x08\x00"),
            text: expect![[r#"
                error: cannot unpack `bad.csv.gz`: unexpected end of file
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,a\n2,a\n"),
            text: expect![[r#"
                error: the target `y` of `bad.csv` has one class only
                  expected  two classes or more
                  received  `a`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,\n2,NA\n"),
            text: expect![[r#"
                error: the target `y` of `bad.csv` has one class only
                  expected  two classes or more
                  received  none
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --task regression",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the target `label` of `table.csv` is no quantity
                  expected  numbers
                  received  `no`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --task guessing",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'guessing' for '--task <classification|regression>': expected classification or regression

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --categories cuont",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column `cuont`
                  expected  size, count, label
                  help: did you mean `count`?
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --ignore size,count",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column to learn from
                  expected  a column of numbers or categories beside the target
                  received  size, count, label
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --validation-split 0.001",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the split leaves one part empty
                  expected  a fraction in (0, 1) that leaves samples on both sides
                  received  0.001 of 12 samples
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val b.csv --verbose 0",
            code: 1,
            add: |folder| write(folder, "b.csv", "size,label\n1,yes\n"),
            text: expect![[r#"
                error: `b.csv` has no column `count`
                  expected  size, label
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val b.csv --verbose 0",
            code: 1,
            add: |folder| write(folder, "b.csv", "size,count,label\n1,2,perhaps\n"),
            text: expect![[r#"
                error: `b.csv`: the target `label` of row 0 cannot be used
                  expected  no, yes
                  received  `perhaps`
            "#]],
        },
        Case {
            arguments: "train classes.keras --data table.csv --target label --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                the trained model will not be kept: there is no `--out FILE.keras`
                error: input `input_layer` has the wrong shape
                  expected  (None, 4)
                  received  (12, 1)
            "#]],
        },
        Case {
            arguments: "train --model cnn --data table.csv --target label --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: a `cnn` needs neighbours to convolve over
                  expected  images, series or sequences of words
                  received  1 numbers
                  help: use `mlp`
            "#]],
        },
        Case {
            arguments: "train --model mpl --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'mpl' for '--model <mlp|cnn|logistic>': there is no model `mpl`
                  expected  logistic, mlp, cnn
                  help: did you mean `mlp`?

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train classes.keras --model mlp --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: the argument '[MODEL.keras]' cannot be used with '--model <mlp|cnn|logistic>'

                Usage: ibex train --data <FILE> --target <COLUMN> <MODEL.keras>

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.parquet --target label",
            code: 2,
            add: |folder| write(folder, "table.parquet", "PAR1"),
            text: expect![[r#"
                error: `table.parquet` is a table of a kind that is not read
                  expected  a .csv file
                  received  .parquet
                  help: write the table as CSV
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y --verbose 0",
            code: 0,
            add: |folder| {
                let rows = "1,0\nNaN,1\ninf,0\n4,1\n,0\n2,1\n9,0\n1,1\n2,0\n3,1\n";
                write(folder, "bad.csv", format!("x,y\n{rows}"));
            },
            text: expect![[r#"
                Model: "mlp"
                ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
                ┃ Layer (type)                      ┃ Output Shape             ┃       Param # ┃
                ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
                │ dense_1 (Dense)                   │ (None, 32)               │            96 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dropout (Dropout)                 │ (None, 32)               │             0 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense_2 (Dense)                   │ (None, 16)               │           528 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense (Dense)                     │ (None, 1)                │            17 │
                └───────────────────────────────────┴──────────────────────────┴───────────────┘
                 Total params: 641 (2.50 KB)
                 Trainable params: 641 (2.50 KB)
                 Non-trainable params: 0 (0.00 B)

                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "evaluate plain.keras --data table.csv --target label",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `plain.keras` is not compiled: it has no loss to evaluate
                  help: compile the model before saving it, or train it with `ibex train --loss NAME`
            "#]],
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
            text: expect![[r#"
                error: the following required arguments were not provided:
                  --target <COLUMN>

                Usage: ibex train --target <COLUMN> --model <mlp|cnn|logistic> --data <FILE> --window <N> [MODEL.keras]

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 0 --target 0",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value '0' for '--window <N>': expected a whole number from 1 to 4294967295

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 40 --target 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                data: a series of 30 rows and 1 columns
                error: the series is too short for a window
                  expected  more than 39 rows, and a target
                  received  30 rows
            "#]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 29 --horizon 9 --target 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                data: a series of 30 rows and 1 columns
                error: the series is too short for a window
                  expected  more than 28 rows, and a target
                  received  30 rows
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --window 3 --target label",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the target `label` of `table.csv` is no quantity
                  expected  numbers
                  received  `no`
            "#]],
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
            text: expect![[r#"
                warning: 1 file was left out
                - `texts/dark/9.txt` is no text
                  expected  UTF-8
                  received  another byte at 3
                  help: save the file as UTF-8
                Model: "mlp"
                ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
                ┃ Layer (type)                      ┃ Output Shape             ┃       Param # ┃
                ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
                │ dense_1 (Dense)                   │ (None, 32)               │           192 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dropout (Dropout)                 │ (None, 32)               │             0 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense_2 (Dense)                   │ (None, 16)               │           528 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense (Dense)                     │ (None, 1)                │            17 │
                └───────────────────────────────────┴──────────────────────────┴───────────────┘
                 Total params: 737 (2.88 KB)
                 Trainable params: 737 (2.88 KB)
                 Non-trainable params: 0 (0.00 B)

                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad",
            code: 1,
            add: |folder| {
                write(folder, "bad/a/1.txt", "");
                write(folder, "bad/b/1.txt", "  \n");
            },
            text: expect![[r#"
                error: there is not a token in the data
                  help: `adapt` needs data with the tokens to come
            "#]],
        },
        Case {
            arguments: "train photos.keras --data texts",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the model takes no texts
                  expected  an input of one axis: words, or which words occur
            "#]],
        },
        Case {
            arguments: "train --model mlp --data texts --words 0",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value '0' for '--words <N>': expected a whole number from 1 to 4294967295

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad",
            code: 1,
            add: |folder| write(folder, "bad/a/1.txt", "alone"),
            text: expect![[r#"
                error: the folder has one class only
                  expected  two subfolders or more, each with the files of a class
                  received  `a`
            "#]],
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
            text: expect![[r#"
                error: `classes.data.json` does not say how data is read
                  expected  what `ibex train` wrote
                  received  missing field `kind` at line 1 column 2
                  help: remove the file, and give the choices anew
            "#]],
        },
        Case {
            arguments: "evaluate classes.keras --data photos",
            code: 1,
            add: |folder| write(folder, "classes.data.json", r#"{"kind": "arrays"}"#),
            text: expect![[r#"
                error: the model was trained on data of another kind
                  expected  arrays in an .npz file
                  received  8 images of 2 classes
            "#]],
        },
        Case {
            arguments: "kfold --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: the following required arguments were not provided:
                  --model <mlp|cnn|logistic>

                Usage: ibex kfold --data <FILE> --target <COLUMN> --model <mlp|cnn|logistic> [MODEL.keras]

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "kfold --model mlp --data table.csv --target label --folds 1",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the samples cannot be dealt out to the folds
                  expected  at least 2 folds, and a sample for each
                  received  1 folds, 12 samples
            "#]],
        },
        Case {
            arguments: "kfold --model mlp --data table.csv --target label --folds 13",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the samples cannot be dealt out to the folds
                  expected  at least 2 folds, and a sample for each
                  received  13 folds, 12 samples
            "#]],
        },
        Case {
            arguments: "kfold plain.keras --data table.csv --target size",
            code: 1,
            add: nothing,
            text: expect![[r#"
                data: a table of 12 rows and 3 columns, 5 folds
                error: `plain.keras` is not compiled: it has no loss to train by
                  help: compile the model before saving it
            "#]],
        },
    ]);
}

#[test]
fn data_sets_by_name() {
    check_all(vec![
        Case {
            arguments: "datasets get minst",
            code: 2,
            add: nothing,
            text: expect![[r#"
            error: there is no data set `minst`
              expected  boston_housing, california_housing, cifar10, cifar100, digits, fashion_mnist, imdb, jena_climate, mnist, oxford_iiit_pet, reuters
              help: did you mean `mnist`?
        "#]],
        },
        Case {
            arguments: "datasets get digits --out nowhere",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: cannot write `nowhere/digits-train.npz`: there is no folder `nowhere`
                  help: choose a path in a folder that exists and that you may write to
            "#]],
        },
        Case {
            arguments: "datasets get boston_housing",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the file `housing.csv` of the data set `boston_housing` is not there
                  looked in home/boston_housing/housing.csv
                            home/tabular/housing.csv
                            cache/boston_housing/housing.csv
                  help: put the file at cache/boston_housing/housing.csv, or set IBEX_DATA_HOME to the folder that holds `boston_housing/housing.csv`
            "#]],
        },
        Case {
            arguments: "datasets get boston_housing",
            code: 1,
            add: |folder| write(folder, "home/boston_housing/housing.csv", "1,2,3\n"),
            text: expect![[r#"
                error: home/boston_housing/housing.csv, line 1
                  expected  14 numbers
                  received  3
            "#]],
        },
        Case {
            arguments: "datasets get jena_climate",
            code: 1,
            add: |folder| {
                let path = "home/jena_climate/jena_climate_2009_2016.csv";
                write(folder, path, "Date Time,p\n1,2\n");
            },
            text: expect![[r#"
                error: `home/jena_climate/jena_climate_2009_2016.csv` is damaged, or another file
                  expected  420551 rows of a time and 14 measurements
                  received  1 rows of 2 columns
                  help: delete it; it is then looked for elsewhere
            "#]],
        },
        Case {
            arguments: "datasets get oxford_iiit_pet",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the file `images/Abyssinian_1.jpg` of the data set `oxford_iiit_pet` is not there
                  looked in home/oxford_iiit_pet/images/Abyssinian_1.jpg
                            home/oxford-iiit-pet/images/Abyssinian_1.jpg
                            cache/oxford_iiit_pet/images/Abyssinian_1.jpg
                  help: put the file at cache/oxford_iiit_pet/images/Abyssinian_1.jpg, or set IBEX_DATA_HOME to the folder that holds `oxford_iiit_pet/images/Abyssinian_1.jpg`
            "#]],
        },
    ]);
}
