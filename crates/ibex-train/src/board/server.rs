//! Shows a board on this machine alone.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::http::{Asked, answer};
use super::report::live_page;
use super::{Board, Request};
use crate::error::{Error, Result};

/// So many connections at once; a page needs one or two.
const CONNECTIONS: usize = 16;

/// A server of the page about a run, on the loopback address of this machine.
///
/// It runs on threads of its own; whatever happens to a connection, the training does not notice.
/// It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a board at a port; 0 takes a free one.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn start(board: Board, port: u16) -> Result<Server> {
        let failed = |source: io::Error| Error::Io {
            action: "serve the page at",
            path: format!("127.0.0.1:{port}").into(),
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let ending = Arc::new(AtomicBool::new(false));
        let flag = ending.clone();
        let serve = move || listen(&listener, &board, address.port(), &flag);
        let builder = std::thread::Builder::new().name("ibex-board".to_string());
        let thread = builder.spawn(serve).map_err(failed)?;
        Ok(Server { address, ending, thread: Some(thread) })
    }

    /// Where the page is.
    pub fn address(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        // The listener waits for a connection; this is the last one.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(listener: &TcpListener, board: &Board, port: u16, ending: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if ending.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (board, count) = (board.clone(), open.clone());
        let serve = move || {
            // A client that has gone away, or talks nonsense, is no one's trouble but its own.
            let _ = serve(&mut stream, &board, port);
            count.fetch_sub(1, Ordering::Relaxed);
        };
        if std::thread::Builder::new().spawn(serve).is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn serve(stream: &mut TcpStream, board: &Board, port: u16) -> io::Result<()> {
    let Some(asked) = Asked::read(stream)? else {
        return answer(stream, "400 Bad Request", "text/plain", "not understood\n");
    };
    // A page from elsewhere that has its name resolve to this machine does not get in.
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    if !asked.header("host").is_some_and(|host| hosts.iter().any(|own| own == host)) {
        return answer(stream, "403 Forbidden", "text/plain", "only for this machine\n");
    }
    let request = match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/") => return answer(stream, "200 OK", "text/html", &live_page()),
        ("GET", "/run.json") => {
            return answer(stream, "200 OK", "application/json", &board.text());
        }
        ("POST", "/stop") => Request::Stop,
        ("POST", "/save") => Request::Save,
        _ => return answer(stream, "404 Not Found", "text/plain", "there is nothing here\n"),
    };
    // Forms of other pages cannot set this header.
    if asked.header("x-ibex").is_none() {
        return answer(stream, "403 Forbidden", "text/plain", "only from the page itself\n");
    }
    match board.request(request) {
        Ok(()) => answer(stream, "200 OK", "text/plain", "asked\n"),
        Err(error) => {
            answer(stream, "500 Internal Server Error", "text/plain", &format!("{error}\n"))
        }
    }
}
