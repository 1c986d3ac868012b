//! Server-sent events: writing them, and reading them from bytes that arrive in any pieces
//! ([the standard](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream)).

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// What a client sends as `Last-Event-ID` to go on after this event.
    pub id: Option<String>,
    /// The kind of event; nothing means `message`, and MCP uses no other.
    pub event: Option<String>,
    /// How long to wait before connecting again.
    pub retry: Option<Duration>,
    /// The data: one JSON-RPC message, or nothing in an event that only carries an id.
    pub data: String,
}

/// The bytes of an event that carries one message and no id. A message is JSON on one line, so it needs no
/// splitting.
pub fn message(json: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(json.len() + 8);
    write_data(json, &mut out);
    out.put_slice(b"\n");
    out.freeze()
}

/// The bytes of an event.
pub fn encode(event: &Event) -> Bytes {
    let mut out = BytesMut::with_capacity(event.data.len() + 64);
    if let Some(kind) = &event.event {
        write_field(b"event: ", kind, &mut out);
    }
    if let Some(id) = &event.id {
        write_field(b"id: ", id, &mut out);
    }
    if let Some(retry) = event.retry {
        write_field(b"retry: ", &retry.as_millis().to_string(), &mut out);
    }
    write_data(event.data.as_bytes(), &mut out);
    out.put_slice(b"\n");
    out.freeze()
}

/// The bytes of a comment, which keeps a quiet connection open and says nothing.
pub const fn keep_alive() -> Bytes {
    Bytes::from_static(b":\n\n")
}

fn write_field(name: &[u8], value: &str, out: &mut BytesMut) {
    out.put_slice(name);
    // A line break would end the field and start another one.
    out.extend(value.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
    out.put_slice(b"\n");
}

fn write_data(data: &[u8], out: &mut BytesMut) {
    let mut rest = data;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, below) = rest.split_at(end.unwrap_or(rest.len()));
        out.put_slice(b"data: ");
        out.put_slice(line);
        out.put_slice(b"\n");
        if below.is_empty() {
            return;
        }
        rest = if below.starts_with(b"\r\n") { &below[2..] } else { &below[1..] };
    }
}

/// Reads events from bytes as they arrive.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    line: Vec<u8>,
    /// The last byte was a CR that ended a line; a LF right after it belongs to it.
    after_cr: bool,
    at_start: bool,
    pending: Event,
    has_fields: bool,
    has_data: bool,
    last_event_id: Option<String>,
    retry: Option<Duration>,
}

/// An event is larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {limit} bytes")]
pub struct EventTooLarge {
    /// The limit in bytes.
    pub limit: usize,
}

impl Decoder {
    /// Reads events of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            pending: Event::default(),
            has_fields: false,
            has_data: false,
            last_event_id: None,
            retry: None,
        }
    }

    /// Takes the next piece of the stream and gives the events that it completes. An event with an id and no data is
    /// given too (the standard drops it, and MCP uses it to hand out the id); comments are not. An event that the
    /// stream's end cuts off is never given.
    ///
    /// # Errors
    /// An event is larger than the limit; the stream cannot be read further.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<Event>, EventTooLarge> {
        let mut events = Vec::new();
        let mut rest = piece;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_cr = false;
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            self.grow(&rest[..end])?;
            self.end_of_line(&mut events);
            let was_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if was_cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.grow(rest)?;
        Ok(events)
    }

    /// The id to go on from: that of the last event that had one.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// How long the server asked to wait before connecting again.
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        if self.line.len() + bytes.len() + self.pending.data.len() > self.limit {
            return Err(EventTooLarge { limit: self.limit });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_of_line(&mut self, events: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let mut text = String::from_utf8_lossy(&line);
        if std::mem::take(&mut self.at_start) && text.starts_with('\u{feff}') {
            text = text['\u{feff}'.len_utf8()..].to_owned().into();
        }
        if text.is_empty() {
            events.extend(self.end_of_event());
        } else {
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            self.field(name, value.strip_prefix(' ').unwrap_or(value));
        }
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.pending.data.push('\n');
                }
                self.pending.data.push_str(value);
            }
            "event" => self.pending.event = Some(value.to_owned()).filter(|kind| !kind.is_empty()),
            // An empty id resets what the client goes on from; a NUL makes the field void.
            "id" if !value.contains('\0') => {
                self.pending.id = Some(value.to_owned());
                self.last_event_id = Some(value.to_owned()).filter(|id| !id.is_empty());
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis);
                self.pending.retry = self.retry;
            }
            _ => return,
        }
        self.has_fields = true;
    }

    fn end_of_event(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.pending);
        self.has_data = false;
        std::mem::take(&mut self.has_fields).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, data: &str) -> Event {
        Event { id: id.map(Into::into), data: data.into(), ..Event::default() }
    }

    fn decode(pieces: &[&[u8]]) -> Vec<Event> {
        let mut decoder = Decoder::new(1000);
        pieces.iter().flat_map(|piece| decoder.feed(piece).unwrap()).collect()
    }

    #[test]
    fn every_split_and_every_line_end() {
        let stream = "\u{feff}: hello\n\nid: 1\nretry: 500\ndata:\n\ndata: {\"ä\":1}\n\nevent: x\ndata: a\ndata:  b\ndata\nid:2\n\nfoo: bar\n\nid\ndata: z\n\ndata: cut off\n";
        let mut expected = vec![
            event(Some("1"), ""),
            event(None, "{\"ä\":1}"),
            event(Some("2"), "a\n b\n"),
            event(Some(""), "z"),
        ];
        expected[0].retry = Some(Duration::from_millis(500));
        expected[2].event = Some("x".into());
        for line_end in ["\n", "\r", "\r\n"] {
            let bytes = stream.replace('\n', line_end).into_bytes();
            for split in 0..=bytes.len() {
                let (one, two) = bytes.split_at(split);
                assert_eq!(decode(&[one, two]), expected, "{line_end:?} at {split}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(decode(&single), expected, "{line_end:?} byte by byte");
        }
    }

    #[test]
    fn an_empty_piece_changes_nothing() {
        assert_eq!(decode(&[b"data: a\r", b"", b"\n\r", b"", b"\n"]), [event(None, "a")]);
    }

    #[test]
    fn what_was_written_is_read() {
        let check = |event: Event| assert_eq!(decode(&[&encode(&event)]), [event]);
        check(event(Some("x"), ""));
        check(event(None, "a\nb\n\nc"));
        check(Event {
            event: Some("endpoint".into()),
            retry: Some(Duration::from_secs(3)),
            ..event(Some("1"), "/m")
        });
        assert_eq!(decode(&[&message(b"{}"), &keep_alive()]), [event(None, "{}")]);
        let injected = Event { id: Some("1\ndata: evil".into()), ..event(None, "a\rb\r\nc") };
        assert_eq!(decode(&[&encode(&injected)]), [event(Some("1data: evil"), "a\nb\nc")]);
    }

    #[test]
    fn the_position_survives_the_event() {
        let mut decoder = Decoder::new(100);
        decoder.feed(b"id: 7\nretry: 20\ndata: a\n\ndata: b\n\nid: a\0b\n\nretry: 1x\n\n").unwrap();
        assert_eq!((decoder.last_event_id(), decoder.retry()), (Some("7"), Some(Duration::from_millis(20))));
    }

    #[test]
    fn the_limit_counts_an_event() {
        let feed = |pieces: &[&[u8]]| {
            let mut decoder = Decoder::new(20);
            pieces.iter().try_for_each(|piece| decoder.feed(piece).map(drop))
        };
        assert_eq!(feed(&[b"data: 1234567890\n\ndata: 1234567890\n\n"]), Ok(()));
        assert_eq!(feed(&[b"data: 1234567890", b"1234567890"]), Err(EventTooLarge { limit: 20 }));
        assert_eq!(feed(&[b"data: 1234567890\n", b"data: 1234567890\n"]), Err(EventTooLarge { limit: 20 }));
    }
}
