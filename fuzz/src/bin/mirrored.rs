//! Arguments that are repeated in headers: a schema on the first line, the arguments below. What a client writes, a server
//! accepts.
#![no_main]

use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::types::json::RawJson;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((schema, arguments)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n'))
    else {
        return;
    };
    let Ok(params) = RawJson::parse(schema).map(|schema| MirroredParams::of_schema(&schema)) else { return };
    let (Ok(params), Ok(arguments)) = (params, RawJson::parse(arguments)) else { return };
    let mut headers = HeaderMap::new();
    // Without headers it must not matter what there is to look at, either.
    let _ = params.check(Some(&arguments), &headers);
    if params.write(Some(&arguments), &mut headers).is_ok() {
        assert_eq!(params.check(Some(&arguments), &headers), Ok(()));
    }
});
