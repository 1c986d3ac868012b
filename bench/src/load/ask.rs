//! One question outside any measurement.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::load::answer::AnswerReader;

/// What came back.
#[derive(Debug, Clone)]
pub struct Asked {
    /// 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without the framing of chunks.
    pub body: Vec<u8>,
}

impl Asked {
    /// The first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(this, value)| (this == name).then_some(value.as_str()))
    }

    /// The start of the body, to be read by people.
    pub fn start(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(600)]).into_owned()
    }
}

/// Sends it once on a connection of its own.
///
/// # Errors
/// When there is no answer within ten seconds, or it is not HTTP. Whether it is right is not looked at.
pub fn ask(address: SocketAddr, bytes: &[u8]) -> Result<Asked> {
    let patience = Some(Duration::from_secs(10));
    let mut stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    stream.set_nodelay(true)?;
    stream.write_all(bytes)?;
    let mut reader = AnswerReader::default();
    loop {
        let read = stream.read(reader.room())?;
        if let Some(answer) = reader.take(read)? {
            return answer.asked();
        }
        if read == 0 {
            bail!("the connection was closed before an answer");
        }
    }
}
