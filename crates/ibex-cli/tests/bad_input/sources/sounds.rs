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
            text: expect![[r#"
                error: `noises/low/a.wav` is no audio that can be used
                  expected  a whole WAV, FLAC, MP3 or Ogg Vorbis file
                  received  end of stream
            "#]],
        },
        Case {
            arguments: "train photos.keras --data noises --verbose 0",
            code: 1,
            add: |folder| noises(folder, b"RIFF", b"RIFF"),
            text: expect![[r#"
                error: the model takes no sounds
                  expected  an input of frames and channels
            "#]],
        },
        Case {
            arguments: "train --model cnn --data noises --verbose 0",
            code: 1,
            add: |folder| write(folder, "noises/low/a.wav", golden_sound("low/a.wav")),
            text: expect![[r#"
                error: the folder has one class only
                  expected  two subfolders or more, each with the files of a class
                  received  `low`
            "#]],
        },
        Case {
            arguments: "train --model cnn --data noises --audio-length 0",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value '0' for '--audio-length <N>': expected a whole number from 1 to 4294967295

                For more information, try '--help'.
            "#]],
        },
    ]);
}
