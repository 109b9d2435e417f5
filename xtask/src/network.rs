//! Free ports, and the HTTP requests that tell whether a server on this machine is up.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::Context;

/// A connection on the loopback interface takes no longer than this.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A TCP port of the loopback interface that nobody listens on right now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(Reserved::take()?.release())
}

/// A port that is kept for a server which starts later.
#[derive(Debug)]
pub(crate) struct Reserved {
    port: u16,
    listener: TcpListener,
}

impl Reserved {
    /// Takes a free port of the loopback interface.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen on any port of 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        Ok(Self { port, listener })
    }

    /// Its number.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Lets the server have it, which is to start at once.
    pub(crate) fn release(self) -> u16 {
        drop(self.listener);
        self.port
    }
}

/// Whether `GET path` is answered with status 200.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    is_ok(address, &format!("GET {path} HTTP/1.1"), "")
}

/// Whether the server at a base URL like `http://127.0.0.1:4566` answers `POST path` with status
/// 200, given a JSON body.
pub(crate) fn takes(base_url: &str, path: &str, authorization: &str, body: &str) -> bool {
    let address = base_url
        .strip_prefix("http://")
        .and_then(|rest| rest.parse().ok());
    let head = format!(
        "POST {path} HTTP/1.1\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    address.is_some_and(|address| is_ok(address, &head, body))
}

fn is_ok(address: SocketAddr, head: &str, body: &str) -> bool {
    status(address, head, body).is_ok_and(|status| status == 200)
}

fn status(address: SocketAddr, head: &str, body: &str) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("{head}\r\nhost: {address}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes())?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    parse_status(&head).context("no HTTP status line")
}

/// Reads the status from the start of an answer, e.g. `HTTP/1.1 200`.
fn parse_status(head: &[u8]) -> Option<u16> {
    std::str::from_utf8(head)
        .ok()?
        .strip_prefix("HTTP/1.1 ")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::thread::JoinHandle;

    use super::*;

    /// A server that answers once: its port, and what it was asked.
    fn serve(answer: &'static str) -> (u16, JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request[..read].to_vec()).unwrap()
        });
        (port, server)
    }

    #[test]
    fn a_server_is_up_when_it_answers_200() {
        let is_up = |answer| {
            let (port, server) = serve(answer);
            let up = answers(port, "/health");
            let request = server.join().unwrap();
            assert!(request.starts_with("GET /health HTTP/1.1\r\n"), "{request}");
            up
        };
        assert!(is_up("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!is_up("HTTP/1.1 503 Not yet\r\n\r\n"));
        assert!(!is_up("SSH-2.0-OpenSSH_9\r\n\r\n"));
    }

    #[test]
    fn a_body_is_sent_with_its_length() {
        let ask = |answer| {
            let (port, server) = serve(answer);
            let taken = takes(
                &format!("http://127.0.0.1:{port}"),
                "/Do",
                "me",
                "{\"a\":1}",
            );
            (taken, server.join().unwrap())
        };
        let (taken, request) = ask("HTTP/1.1 200 OK\r\n\r\n{}");
        assert!(taken);
        assert!(request.starts_with("POST /Do HTTP/1.1\r\nauthorization: me\r\n"));
        assert!(request.contains("\r\ncontent-length: 7\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
        assert!(!ask("HTTP/1.1 404 Not Found\r\n\r\n").0);
        assert!(!takes("nowhere", "/Do", "me", "{}"));
    }

    #[test]
    fn a_reserved_port_is_nobody_elses() {
        let reserved = Reserved::take().unwrap();
        let address = (Ipv4Addr::LOCALHOST, reserved.port());
        assert!(TcpListener::bind(address).is_err());
        assert_eq!(reserved.release(), address.1);
        assert!(TcpListener::bind(address).is_ok());
    }

    #[test]
    fn nobody_answers_on_a_free_port() {
        assert!(!answers(free_port().unwrap(), "/"));
    }
}
