//! Free ports, and the one HTTP request that tells whether a server on this machine is up.

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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .context("cannot listen on any port of 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Whether `GET path` is answered with status 200.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    status(port, path).is_ok_and(|status| status == 200)
}

fn status(port: u16, path: &str) -> anyhow::Result<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
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
    use super::*;

    #[test]
    fn a_server_is_up_when_it_answers_200() {
        let serve = |answer: &'static str| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let read = stream.read(&mut request).unwrap();
                assert!(request[..read].starts_with(b"GET /health HTTP/1.1\r\n"));
                stream.write_all(answer.as_bytes()).unwrap();
            });
            let up = answers(port, "/health");
            server.join().unwrap();
            up
        };
        assert!(serve("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!serve("HTTP/1.1 503 Not yet\r\n\r\n"));
        assert!(!serve("SSH-2.0-OpenSSH_9\r\n\r\n"));
    }

    #[test]
    fn nobody_answers_on_a_free_port() {
        assert!(!answers(free_port().unwrap(), "/"));
    }
}
