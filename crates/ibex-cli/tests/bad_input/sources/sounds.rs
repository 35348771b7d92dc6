//! Audio files, and models that take none.

use super::*;

/// A folder of two classes with these files.
fn noises(folder: &Folder, low: &[u8], high: &[u8]) {
    write(folder, "noises/low/a.wav", low);
    write(folder, "noises/high/a.wav", high);
}

fn golden_sound(name: &str) -> Vec<u8> {
    std::fs::read(support::goldens().join("../audio").join(name)).unwrap()
}

#[test]
fn sounds() {
    check_all(vec![
        Case {
            arguments: "train --model cnn --data noises --verbose 0",
            code: 1,
            add: |folder| noises(folder, b"RIFF", b"no sound"),
            text: expect![],
        },
        Case {
            arguments: "train --model logistic --data noises --verbose 0 --audio-length 300",
            code: 0,
            add: |folder| {
                noises(folder, &golden_sound("low/a.wav"), &golden_sound("high/b.wav"));
                write(folder, "noises/high/b.wav", b"RIFF");
                write(folder, "noises/low/c.flac", &golden_sound("low/a.wav")[..999]);
            },
            text: expect![],
        },
        Case {
            arguments: "train photos.keras --data noises --verbose 0",
            code: 1,
            add: |folder| noises(folder, b"RIFF", b"RIFF"),
            text: expect![],
        },
        Case {
            arguments: "train --model cnn --data noises --verbose 0",
            code: 1,
            add: |folder| write(folder, "noises/low/a.wav", golden_sound("low/a.wav")),
            text: expect![],
        },
        Case {
            arguments: "train --model cnn --data noises --audio-length 0",
            code: 2,
            add: nothing,
            text: expect![],
        },
    ]);
}
