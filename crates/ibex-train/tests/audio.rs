//! Audio files as Keras and libsndfile read them.

mod common;

use common::{Arrays, golden};
use ibex_train::data::{AudioReader, Dataset, Folder, Pass};

#[test]
fn batches_of_waves_are_those_of_keras() {
    let mut arrays = Arrays::open("audio/waves.npz");
    let files = Folder::new(golden("audio")).class_names(["low", "high"]).shuffle(false);
    let files = files.audio().unwrap();
    let reader = AudioReader::new();
    for (name, reader) in [("whole", reader), ("cut", reader.output_sequence_length(2000))] {
        let waves = files.items().map(reader.labelled(&files)).workers(2).batch(2).padded();
        let batch = waves.pass(Pass::default()).next().unwrap().unwrap();
        assert_eq!(batch.x[0], arrays.get(&format!("{name}.x")).unwrap(), "{name}");
        assert_eq!(batch.y[0], arrays.get(&format!("{name}.y")).unwrap(), "{name}");
    }
}

#[test]
fn other_kinds_are_those_of_libsndfile() {
    let mut arrays = Arrays::open("audio/waves.npz");
    // Exact but for the scale of 24 bits and the arithmetic of lossy codecs.
    let kinds = [
        ("stereo.wav", 0.0),
        ("deep.wav", 1e-6),
        ("float.wav", 0.0),
        ("tone.flac", 0.0),
        ("tone.ogg", 1e-3),
        ("tone.mp3", 0.05),
    ];
    for (name, tolerance) in kinds {
        let wave = AudioReader::new().read(&golden(&format!("audio/{name}"))).unwrap();
        assert_eq!(wave.rate, 8000, "{name}");
        let expected = arrays.get(name).unwrap();
        let (found, expected) = (wave.samples.to_f64_vec(), expected.to_f64_vec());
        // An MP3 begins with what its encoder needed to begin: how much, players disagree.
        let most = if name.ends_with("mp3") { 3000 } else { 0 };
        let difference = |shift: usize| {
            let pairs =
                found.iter().skip(shift).zip(&expected).skip(300).take(expected.len() - 600);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let best = (0..=most).map(difference).fold(f64::INFINITY, f64::min);
        assert!(best <= tolerance, "{name}: {best}");
        if most == 0 {
            assert_eq!(found.len(), expected.len(), "{name}");
        }
    }
}

#[test]
fn what_is_no_audio_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(golden("audio/low/a.wav")).unwrap();
    for (name, bytes) in [("a.wav", &b""[..]), ("b.wav", b"RIFF"), ("c.mp3", &[0u8; 900])] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = AudioReader::new().read(&path).unwrap_err().to_string();
        assert!(error.contains("is no audio that can be used"), "{error}");
    }
    let path = folder.path().join("cut.wav");
    std::fs::write(&path, &whole[..1044]).unwrap();
    // What is there of a file that was cut short can be heard.
    if let Ok(wave) = AudioReader::new().read(&path) {
        assert!(wave.samples.shape()[0] <= 500);
    }
    assert!(AudioReader::new().read(&folder.path().join("gone.wav")).is_err());
}
