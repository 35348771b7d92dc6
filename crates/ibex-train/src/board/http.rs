//! As much of HTTP/1.1 as the page needs: one request and one answer on a connection.
//!
//! It must not know what is served.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The longest head of a request.
const LONGEST: usize = 8192;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    /// The value of a header, whose name is in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads the head of a request; a body is not looked at.
    pub(super) fn read(stream: &mut TcpStream) -> io::Result<Option<Asked>> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = Vec::new();
        let mut buffer = [0; 1024];
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            let count = stream.read(&mut buffer)?;
            head.extend_from_slice(&buffer[..count]);
            if count == 0 || head.len() > LONGEST {
                return Ok(None);
            }
        }
        Ok(Asked::parse(&String::from_utf8_lossy(&head)))
    }

    fn parse(head: &str) -> Option<Asked> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_string(), first.next()?.to_string());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_lowercase(), value.trim().to_string()))
        };
        let headers = lines.map_while(header).collect();
        Some(Asked { method, path, headers })
    }
}

/// What the page may do: nothing but show itself and ask its own server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data:; connect-src 'self'; frame-ancestors 'none'";

/// Writes an answer and ends the connection.
pub(super) fn answer(
    stream: &mut TcpStream,
    status: &str,
    kind: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\n\
         content-security-policy: {POLICY}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_apart() {
        let asked =
            Asked::parse("GET /a HTTP/1.1\r\nHost: localhost:1\r\nX-Ibex:1\r\n\r\n").unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/a"));
        assert_eq!(
            (asked.header("host"), asked.header("x-ibex")),
            (Some("localhost:1"), Some("1"))
        );
        assert_eq!(asked.header("other"), None);
        assert!(Asked::parse("\r\n\r\n").is_none() && Asked::parse("GET\r\n\r\n").is_none());
    }
}
