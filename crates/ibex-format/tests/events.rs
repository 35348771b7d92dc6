//! Event files hold what the files of TensorBoard itself hold.

use std::path::Path;

use ibex_format::events::{EventFile, GraphNode, Span, buckets, write_profile};

/// A field of a message: its number and its content.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Number(u64, u64),
    Bytes(u64, Vec<u8>),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn fields(mut bytes: &[u8]) -> Vec<Field> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        found.push(match tag & 7 {
            0 => Field::Number(tag >> 3, varint(&mut bytes)),
            1 => Field::Bytes(tag >> 3, take(&mut bytes, 8).to_vec()),
            5 => Field::Bytes(tag >> 3, take(&mut bytes, 4).to_vec()),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(tag >> 3, take(&mut bytes, length).to_vec())
            }
            other => panic!("a field of form {other}"),
        });
    }
    found
}

fn get(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let of = |field: Field| match field {
        Field::Bytes(own, bytes) if own == number => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(of).collect()
}

fn number(message: &[u8], number: u64) -> u64 {
    let of = |field: &Field| match field {
        Field::Number(own, value) if *own == number => Some(*value),
        _ => None,
    };
    fields(message).iter().find_map(of).unwrap_or(0)
}

/// The content of a tensor, whichever of its fields holds it.
fn tensor(message: &[u8]) -> String {
    let dtype = number(message, 1);
    let dims: Vec<u64> = get(&get(message, 2)[0], 2).iter().map(|dim| number(dim, 1)).collect();
    let mut bytes = get(message, 4).concat();
    bytes.extend(get(message, if dtype == 1 { 5 } else { 6 }).concat());
    let values: Vec<String> = match dtype {
        1 => {
            bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).to_string()).collect()
        }
        2 => {
            bytes.chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()).to_string()).collect()
        }
        _ => get(message, 8).iter().map(|b| String::from_utf8(b.clone()).unwrap()).collect(),
    };
    format!("type {dtype} {dims:?} {values:?}")
}

/// What an event says, but for the time.
fn event(message: &[u8]) -> String {
    let step = number(message, 2);
    let version = get(message, 3).concat();
    let session = get(message, 7).first().map(|session| number(session, 1));
    let mut text = format!("{step} {} {session:?}", String::from_utf8(version).unwrap());
    for graph in get(message, 4) {
        for node in get(&graph, 1) {
            text += &format!(" node {:?}", fields(&node));
        }
        text += &format!(" versions {:?}", get(&graph, 4));
    }
    for value in get(message, 5).iter().flat_map(|summary| get(summary, 1)) {
        let metadata = get(&value, 9).concat();
        let plugin = get(&metadata, 1).concat();
        let tag = String::from_utf8(get(&value, 1).concat()).unwrap();
        let tensor = tensor(&get(&value, 8)[0]);
        text += &format!(" {tag}: {tensor} {:?} {:?}", get(&plugin, 1), get(&plugin, 2));
    }
    text
}

/// The events of a file; the check sums are compared as they are.
fn read(path: &Path) -> (Vec<String>, Vec<Vec<u8>>) {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut events, mut framing) = (bytes.as_slice(), Vec::new(), Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap());
        framing.push(take(&mut rest, 4).to_vec());
        events.push(event(take(&mut rest, length as usize)));
        take(&mut rest, 4);
    }
    (events, framing)
}

#[test]
fn records_are_those_of_tensorboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(folder.path()).unwrap();
    file.restart(2).unwrap();
    file.scalar(3, "epoch_loss", 0.25).unwrap();
    let values = [-1.0, -0.5, 0.0, 0.25, 0.25, 3.0];
    file.histogram(3, "dense/kernel/histogram", &buckets(&values, 5)).unwrap();
    file.histogram(3, "same/histogram", &buckets(&[2.0, 2.0], 3)).unwrap();
    file.images(3, "image", (2, 1), &[b"one".to_vec(), b"two".to_vec()]).unwrap();
    file.text(0, "summary", "two\nlines").unwrap();
    file.keras_model("keras", "{\"class_name\": \"Sequential\"}").unwrap();
    let node = |name: &str, op: &str, inputs: &[&str], width| GraphNode {
        name: name.to_string(),
        op: op.to_string(),
        inputs: inputs.iter().map(|input| input.to_string()).collect(),
        shapes: vec![vec![None, Some(width)]],
        facts: Vec::new(),
    };
    let nodes = [node("in", "InputLayer", &[], 4), node("block/dense", "Dense", &["in"], 2)];
    file.graph(&nodes).unwrap();
    file.flush().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/events");
    let (wanted, _) = read(&golden.join("tensorboard.tfevents"));
    let (got, _) = read(file.path());
    for (got, wanted) in got.iter().zip(&wanted) {
        assert_eq!(got, wanted);
    }
    assert_eq!(got.len(), wanted.len());
    let name = file.path().file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("events.out.tfevents."), "{name}");
}

/// The first record of both files has the same length, so that its check sum must be the same.
#[test]
fn check_sums_are_those_of_tensorboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(folder.path()).unwrap();
    file.flush().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/events");
    let (_, wanted) = read(&golden.join("tensorboard.tfevents"));
    let (_, got) = read(file.path());
    assert_eq!(got[0], wanted[0]);
}

#[test]
fn values_that_are_not_finite_are_in_no_bucket() {
    let counted = |values: &[f64]| buckets(values, 4).iter().map(|b| b.2).collect::<Vec<f64>>();
    assert_eq!(counted(&[f64::NAN, 1.0, f64::INFINITY, 2.0]), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(counted(&[]), [0.0; 4]);
    assert_eq!(buckets(&[1.0], 0), []);
}

/// A span of a profile: its name, begin and duration in picoseconds, and what is noted of it.
type Noted = (String, u64, u64, Vec<(String, u64)>);

/// What a profile says of the threads of the host.
fn spans(profile: &[u8]) -> Vec<Noted> {
    let text = |bytes: Vec<Vec<u8>>| String::from_utf8(bytes.concat()).unwrap();
    let planes = get(profile, 1);
    let plane = planes.iter().find(|plane| text(get(plane, 2)) == "/host:CPU").unwrap();
    let named = |map: u64, id: u64| {
        let entry = get(plane, map).into_iter().find(|entry| number(entry, 1) == id).unwrap();
        text(get(&get(&entry, 2)[0], 2))
    };
    let note = |stat: &Vec<u8>| (named(5, number(stat, 1)), number(stat, 4));
    let events = get(plane, 3).into_iter().flat_map(|line| get(&line, 4));
    let span = |event: Vec<u8>| {
        let notes = get(&event, 4).iter().map(note).collect();
        (named(4, number(&event, 1)), number(&event, 2), number(&event, 3), notes)
    };
    events.map(span).collect()
}

#[test]
fn the_steps_of_a_profile_are_those_of_jax() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/events");
    let wanted = spans(&std::fs::read(golden.join("jax.xplane.pb")).unwrap());
    let steps = wanted.iter().filter(|span| span.0 == "train").count();
    assert_eq!((steps, wanted.len()), (4, 8), "{wanted:?}");
    let given = wanted.iter().map(|(name, begin, duration, notes)| Span {
        name: name.clone(),
        begin: begin / 1000,
        duration: duration / 1000,
        step: notes.iter().find(|note| note.0 == "step_num").map(|note| note.1 as i64),
    });
    let folder = tempfile::tempdir().unwrap();
    write_profile(folder.path(), "now", "training", &given.collect::<Vec<Span>>()).unwrap();
    let path = folder.path().join("plugins/profile/now/ibex.xplane.pb");
    assert_eq!(spans(&std::fs::read(path).unwrap()), wanted);
}
