//! Folders of images, and what is no image.

use super::*;

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
                  expected  files that end in .bmp, .gif, .jpeg, .jpg, .png, .webp, .txt, .flac, .mp3, .oga, .ogg, .wav
                  received  no subfolder
            "#]],
        },
        Case {
            arguments: "train --model cnn --data bad",
            code: 1,
            add: |folder| write(folder, "bad/cats/a.jpeg2000", ""),
            text: expect![[r#"
                error: there is no file to use in `bad`
                  expected  files that end in .bmp, .gif, .jpeg, .jpg, .png, .webp, .txt, .flac, .mp3, .oga, .ogg, .wav
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
