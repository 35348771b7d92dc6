//! Tests of addresses and downloads, against a server on this machine.

use super::*;
use crate::download::server::{Reply, Request, serve};

/// SHA-256 of `abc`, from the standard's own examples (FIPS 180-2).
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn of_hub(endpoint: &str, text: &str) -> Address {
    Address::parse(text, endpoint).unwrap()
}

/// A hub as Hugging Face answers: a redirection that states the checksum, then the bytes.
fn hub(request: &Request) -> Reply {
    match request.line.as_str() {
        "HEAD /o/n/resolve/main/a/model.keras" => Reply::status(302)
            .header("Location", "/cdn")
            .header("X-Linked-Etag", format!("\"{ABC}\"")),
        "GET /o/n/resolve/main/a/model.keras" => Reply::status(302).header("Location", "/cdn"),
        "GET /cdn" => Reply::whole(b"abc".to_vec()),
        _ => Reply::status(404),
    }
}

#[test]
fn addresses_become_places_in_the_cache() {
    let hub = of_hub("http://hub/", "hf://o/n@v2/a/model.keras");
    assert_eq!(hub.url, "http://hub/o/n/resolve/v2/a/model.keras");
    assert_eq!(hub.place, Path::new("huggingface.co/o/n/v2/a/model.keras"));
    let web = of_hub("", &format!("https://example.org:8080/x/m.h5?download=1#sha256={ABC}"));
    assert_eq!(web.url, "https://example.org:8080/x/m.h5?download=1");
    assert_eq!(web.place, Path::new("example.org_8080/x/m.h5"));
    assert_eq!(web.sha256.as_deref(), Some(ABC));
    let wrong = [
        "hf://o",
        "hf://o/n",
        "hf://o/n/../../x",
        "hf://../n/x",
        "https://example.org",
        "https://example.org/../x",
        "https://example.org/x#sha256=12",
    ];
    for text in wrong {
        assert!(Address::parse(text, "http://hub").is_err(), "{text}");
    }
}

#[test]
fn a_file_of_a_hub_is_checked_and_downloaded_once() {
    let cache = tempfile::tempdir().unwrap();
    let (endpoint, seen) = serve(hub);
    let address = of_hub(&endpoint, "hf://o/n/a/model.keras");
    let place = address.fetch(Some(cache.path())).unwrap();
    assert_eq!(fs::read(&place).unwrap(), b"abc");
    assert_eq!(place, cache.path().join("hub/huggingface.co/o/n/main/a/model.keras"));
    let asked = seen.requests().len();
    assert_eq!(address.fetch(Some(cache.path())).unwrap(), place);
    assert_eq!(seen.requests().len(), asked);
    let left = fs::read_dir(place.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "only the file itself");
}

#[test]
fn a_file_with_another_checksum_never_reaches_its_place() {
    let cache = tempfile::tempdir().unwrap();
    let (endpoint, _) = serve(|request| match request.line.starts_with("HEAD") {
        true => Reply::status(302).header("X-Linked-Etag", format!("\"{ABC}\"")),
        false => Reply::whole(b"abd".to_vec()),
    });
    let error = of_hub(&endpoint, "hf://o/n/model.keras").fetch(Some(cache.path())).unwrap_err();
    assert!(error.to_string().contains("SHA-256 a52d159f"), "{error}");
    let (server, _) = serve(|_| Reply::whole(b"abd".to_vec()));
    let stated = of_hub("", &format!("{server}/model.keras#sha256={ABC}"));
    let error = stated.fetch(Some(cache.path())).unwrap_err();
    assert!(error.to_string().contains("SHA-256 a52d159f"), "{error}");
    let place = cache.path().join(FOLDER).join(&stated.place);
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn a_download_goes_on_with_the_same_version_only() {
    let cache = tempfile::tempdir().unwrap();
    let (server, seen) = serve(|request| match request.line.starts_with("HEAD") {
        true => Reply::status(200).header("ETag", "\"one\""),
        false => Reply::in_parts(b"abcdef", 4, request),
    });
    let address = of_hub("", &format!("{server}/model.keras"));
    assert!(address.fetch(Some(cache.path())).is_err());
    let place = address.fetch(Some(cache.path())).unwrap();
    assert_eq!(fs::read(place).unwrap(), b"abcdef");
    let gets: Vec<Request> =
        seen.requests().into_iter().filter(|r| r.line.starts_with("GET")).collect();
    assert_eq!(gets[1].range, Some(4));
    assert_eq!(gets[1].if_range.as_deref(), Some("\"one\""));
    // A part of a version that is no more is thrown away.
    let other = of_hub("", &format!("{server}/other.keras"));
    let part = cache.path().join(FOLDER).join(&other.place).with_file_name("other.keras.part");
    fs::write(&part, b"old").unwrap();
    fs::write(part.with_file_name("other.keras.part.version"), "\"zero\"").unwrap();
    assert!(other.fetch(Some(cache.path())).is_err());
    assert_eq!(fs::read(&part).unwrap(), b"abcd");
}

#[test]
fn without_a_network_it_says_where_to_put_the_file() {
    let cache = tempfile::tempdir().unwrap();
    // Nobody listens at this port.
    let address = of_hub("http://127.0.0.1:9", "hf://o/n/model.keras");
    let text = address.fetch(Some(cache.path())).unwrap_err().to_string();
    let place = cache.path().join("hub/huggingface.co/o/n/main/model.keras").display().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "`hf://o/n/model.keras` is not on this machine, and cannot be downloaded");
    assert_eq!(lines[1], format!("  expected  the file at {place}"));
    assert!(lines[2].starts_with("  received  http://127.0.0.1:9/o/n/resolve/main/model.keras: "));
    assert_eq!(
        lines[3],
        format!("  help: download it where there is a network, and put it at {place}")
    );
}
