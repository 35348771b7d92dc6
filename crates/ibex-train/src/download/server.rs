//! A server on this machine, for tests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// The method and the path.
    pub(crate) line: String,
    /// Where the wanted part begins.
    pub(crate) range: Option<usize>,
    /// The version that the part must be of.
    pub(crate) if_range: Option<String>,
}

/// An answer: status, further headers, body, and the length that is claimed for it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) length: usize,
}

impl Reply {
    pub(crate) fn whole(body: Vec<u8>) -> Reply {
        Reply { status: 200, headers: Vec::new(), length: body.len(), body }
    }

    pub(crate) fn status(status: u16) -> Reply {
        Reply { status, ..Reply::whole(Vec::new()) }
    }

    /// Cuts the first answer off after some bytes, and goes on where it is asked to.
    pub(crate) fn in_parts(body: &[u8], cut: usize, request: &Request) -> Reply {
        match request.range {
            None => Reply { length: body.len(), ..Reply::whole(body[..cut].to_vec()) },
            Some(start) => Reply { status: 206, ..Reply::whole(body[start..].to_vec()) },
        }
    }

    pub(crate) fn header(mut self, name: &'static str, text: impl Into<String>) -> Reply {
        self.headers.push((name, text.into()));
        self
    }
}

/// The requests that a server has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Request>>>);

impl Seen {
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn ranges(&self) -> Vec<Option<usize>> {
        self.requests().iter().map(|request| request.range).collect()
    }
}

/// A server that answers by a function; gives its address and what it was asked for.
pub(crate) fn serve(answer: impl Fn(&Request) -> Reply + Send + 'static) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer_one(stream.unwrap(), &answer, &log);
        }
    });
    (address, seen)
}

fn answer_one(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Reply, log: &Seen) {
    let mut request = Request::default();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap();
        let lower = line.to_lowercase();
        if request.line.is_empty() {
            request.line = line.trim_end_matches(" HTTP/1.1").to_string();
        } else if let Some(rest) = lower.strip_prefix("range: bytes=") {
            request.range = rest.trim_end_matches('-').parse().ok();
        } else if lower.starts_with("if-range: ") {
            request.if_range = Some(line["if-range: ".len()..].to_string());
        }
        if line.is_empty() {
            break;
        }
    }
    log.0.lock().unwrap().push(request.clone());
    let Reply { status, headers, body, length } = answer(&request);
    let mut head =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, text) in headers {
        head.push_str(&format!("{name}: {text}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    if !request.line.starts_with("HEAD") {
        stream.write_all(&body).unwrap();
    }
}
