//! An event stream: the first byte says how it is cut. The events are the same however that is, and an event that was
//! written reads the same.
#![no_main]

use std::time::Duration;

use barewire_mcp::http::sse::{Decoder, Event, EventTooLarge, encode};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 256;

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = read([stream]);
    assert_eq!(read(stream.chunks(usize::from(*cut).max(1))), whole);
    assert_eq!(read(stream.chunks(1)), whole);
    let Ok((events, ..)) = whole else { return };
    for event in events {
        // What is no text becomes three bytes for one.
        assert!(event.data.len() <= 4 * LIMIT);
        let again = Decoder::new(8 * LIMIT).feed(&encode(&event)).expect("it is not too large");
        let event = Event { event: event.event.map(|kind| kind.replace('\0', "")), ..event };
        assert_eq!(again, [Event { event: event.event.filter(|kind| !kind.is_empty()), ..event }]);
    }
});

type Seen = (Vec<Event>, Option<String>, Option<Duration>);

/// The events, and where and when to go on.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Seen, EventTooLarge> {
    let mut decoder = Decoder::new(LIMIT);
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(decoder.feed(piece)?);
    }
    Ok((events, decoder.last_event_id().map(str::to_owned), decoder.retry()))
}
