//! Data that cannot be used: images, texts, tables, series and recipes, a table of cases.
//!
//! A file that is broken is left out and reported; only where nothing is left does the work fail.

mod images;
mod parquet;
mod recipes;
mod series;
mod sounds;
mod tables;
mod texts;

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
        assert_no_crash(&outcome);
    }
}

fn write(folder: &Folder, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Copies a golden table; what `edit` makes of its bytes.
fn golden_table(folder: &Folder, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(support::goldens().join(format!("../tables/{name}"))).unwrap();
    edit(&mut bytes);
    write(folder, "bad.parquet", bytes);
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
