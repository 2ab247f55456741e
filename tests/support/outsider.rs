//! Somebody outside of the house who is asked over HTTP, and answers well or badly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What somebody is asked.
pub struct Request {
    pub method: String,
    pub path: String,
    pub media: String,
    pub body: Vec<u8>,
}

/// What they answer.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Whether the body comes one byte after the other, and never ends.
    pub drips: bool,
}

impl Reply {
    pub fn new(status: u16, media: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            headers: vec![("Content-Type", media.to_owned())],
            body: body.into(),
            drips: false,
        }
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server on a port of its own, for as long as the test runs.
pub struct Outsider {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    asked: Arc<AtomicUsize>,
}

impl Outsider {
    pub fn open(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Outsider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, answer) = (count.clone(), answer.clone());
                std::thread::spawn(move || drop(serve(stream, &count, &*answer)));
            }
        });
        Outsider { url, asked }
    }

    /// How often they were asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, count: &AtomicUsize, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        media: String::new(),
        body: Vec::new(),
    };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "content-type" => request.media = value.to_owned(),
            _ => {}
        }
    }
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    count.fetch_add(1, Ordering::SeqCst);
    let reply = answer(&request);
    write!(
        stream,
        "HTTP/1.1 {} Answer\r\nConnection: close\r\n",
        reply.status
    )?;
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    if !reply.drips {
        write!(stream, "Content-Length: {}\r\n\r\n", reply.body.len())?;
        return stream.write_all(&reply.body);
    }
    write!(stream, "Content-Length: 100000\r\n\r\n")?;
    loop {
        stream.write_all(b".")?;
        std::thread::sleep(Duration::from_millis(100));
    }
}
