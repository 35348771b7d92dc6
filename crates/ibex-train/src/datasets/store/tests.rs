//! Tests of finding, checking and downloading, against a server on this machine.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::download::server::{Reply, Request, serve};

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

type Answer = fn(&Request) -> Reply;

fn whole(_: &Request) -> Reply {
    Reply::whole(gzip(b"abc"))
}

/// Cuts the first answer off after five bytes, and goes on where it is asked to.
fn in_parts(request: &Request) -> Reply {
    Reply::in_parts(&gzip(b"abc"), 5, request)
}

fn another_file(_: &Request) -> Reply {
    Reply::whole(gzip(b"abd"))
}

fn too_much(_: &Request) -> Reply {
    Reply::whole(vec![b'x'; 100_000])
}

fn not_found(_: &Request) -> Reply {
    Reply::status(404)
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
    assert_eq!(asked.ranges(), [None]);
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
    assert_eq!(asked.ranges(), [None, Some(5)]);
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
    let from = Mirrors { dataset: "letters", mirrors: &["http://127.0.0.1:9"] };
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
