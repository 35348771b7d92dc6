//! Tests of finding, checking and downloading, against a server on this machine.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// SHA-256 of `abc`, from the standard's own examples (FIPS 180-2).
const FILE: File = File {
    name: "abc.gz",
    bytes: 3,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// How the server answers a request whose `Range` begins at this byte, if it has one.
type Answer = fn(range: Option<usize>) -> (u16, Vec<u8>, usize);

/// A server that answers every request alike; gives its address and the ranges it was asked for.
fn serve(answer: Answer) -> (String, Arc<Mutex<Vec<Option<usize>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer_one(stream.unwrap(), answer, &seen);
        }
    });
    (address, asked)
}

fn answer_one(mut stream: TcpStream, answer: Answer, seen: &Mutex<Vec<Option<usize>>>) {
    let mut range = None;
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap().to_lowercase();
        if let Some(rest) = line.strip_prefix("range: bytes=") {
            range = rest.trim_end_matches('-').parse().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    seen.lock().unwrap().push(range);
    let (status, body, length) = answer(range);
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
}

fn whole(_: Option<usize>) -> (u16, Vec<u8>, usize) {
    let body = gzip(b"abc");
    let length = body.len();
    (200, body, length)
}

/// Cuts the first answer off after five bytes, and goes on where it is asked to.
fn in_parts(range: Option<usize>) -> (u16, Vec<u8>, usize) {
    let body = gzip(b"abc");
    let length = body.len();
    match range {
        None => (200, body[..5].to_vec(), length),
        Some(start) => (206, body[start..].to_vec(), length - start),
    }
}

fn another_file(_: Option<usize>) -> (u16, Vec<u8>, usize) {
    let body = gzip(b"abd");
    let length = body.len();
    (200, body, length)
}

fn too_much(_: Option<usize>) -> (u16, Vec<u8>, usize) {
    (200, vec![b'x'; 100_000], 100_000)
}

fn not_found(_: Option<usize>) -> (u16, Vec<u8>, usize) {
    (404, Vec::new(), 0)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_download_reaches_its_place_whole() {
    let cache = tempfile::tempdir().unwrap();
    let (address, asked) = serve(whole);
    let bytes = download(&format!("{address}/abc.gz"), cache.path(), &FILE).unwrap();
    assert_eq!(bytes, b"abc");
    assert_eq!(names(cache.path()), ["abc.gz"]);
    // What is there is not downloaded again, even by a process that was about to.
    assert_eq!(download(&format!("{address}/abc.gz"), cache.path(), &FILE).unwrap(), b"abc");
    assert_eq!(*asked.lock().unwrap(), [None]);
}

#[test]
fn a_download_that_was_cut_off_goes_on_where_it_stopped() {
    let cache = tempfile::tempdir().unwrap();
    let (address, asked) = serve(in_parts);
    let address = format!("{address}/abc.gz");
    let reason = download(&address, cache.path(), &FILE).unwrap_err();
    assert!(!reason.is_empty());
    assert_eq!(names(cache.path()), ["abc.gz.part"]);
    assert_eq!(download(&address, cache.path(), &FILE).unwrap(), b"abc");
    assert_eq!(names(cache.path()), ["abc.gz"]);
    assert_eq!(*asked.lock().unwrap(), [None, Some(5)]);
}

#[test]
fn wrong_bytes_never_reach_their_place() {
    let answers: [(Answer, &str); 3] = [
        (another_file, "SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"),
        (too_much, "the server sent more than"),
        (not_found, "the server answered 404"),
    ];
    for (answer, expected) in answers {
        let cache = tempfile::tempdir().unwrap();
        let (address, _) = serve(answer);
        let reason = download(&format!("{address}/abc.gz"), cache.path(), &FILE).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
        assert!(names(cache.path()).is_empty(), "{expected}");
    }
}

#[test]
fn the_data_home_comes_before_the_cache() {
    let (home, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store {
        data_home: Some(home.path().to_owned()),
        cache_home: Some(cache.path().to_owned()),
    };
    let from = Download { dataset: "letters", mirrors: &["http://127.0.0.1:9"] };
    let message = store.fetch(&from, &FILE).unwrap_err().to_string();
    for part in ["`abc.gz` of the data set `letters`", "http://127.0.0.1:9/abc.gz: "] {
        assert!(message.contains(part), "{message}");
    }
    for root in [home.path(), cache.path()] {
        let place = root.join("letters").join("abc.gz").display().to_string();
        assert!(message.contains(&place), "{message}");
    }
    for root in [cache.path(), home.path()] {
        fs::create_dir_all(root.join("letters")).unwrap();
        fs::write(root.join("letters/abc.gz"), gzip(b"abc")).unwrap();
        let found = store.find("letters", "abc.gz", &["letters"]).unwrap();
        assert_eq!(found, root.join("letters").join("abc.gz"));
        assert_eq!(store.fetch(&from, &FILE).unwrap(), b"abc");
    }
}

#[test]
fn a_damaged_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("abc.gz");
    let cases: [(&[u8], &str); 3] = [
        (b"not gzip", "gzip cannot unpack"),
        (&gzip(b"abcd"), "more than 3 bytes"),
        (&gzip(b"ab"), "2 bytes, SHA-256"),
    ];
    for (bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        let message = unpack(&path, &FILE).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("help: delete it"), "{message}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(unpack(&path, &FILE), Err(DatasetError::Unreadable { .. })));
}
