//! As much of AMF0 as is written here (Adobe, "Action Message Format -- AMF 0").

/// Marker of an array with names; its length follows.
pub(super) const ECMA_ARRAY: u8 = 0x08;
/// The end of an object or of an array with names.
pub(super) const END: [u8; 3] = [0, 0, 9];

const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;

/// The name of a field. Longer ones than 64 KB are cut, which none here comes near to.
pub(super) fn push_name(data: &mut Vec<u8>, name: &str) {
    let name = name.as_bytes();
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    data.extend_from_slice(&length.to_be_bytes());
    data.extend_from_slice(&name[..usize::from(length)]);
}

/// A string.
pub(super) fn push_string(data: &mut Vec<u8>, text: &str) {
    data.push(0x02);
    push_name(data, text);
}

/// A number.
pub(super) fn push_number(data: &mut Vec<u8>, number: f64) {
    data.push(0x00);
    data.extend_from_slice(&number.to_be_bytes());
}

/// The command `onStatus` with an error (Adobe, "RTMP Specification", 7.2.2).
pub(super) fn status_error(code: &str, description: &str) -> Vec<u8> {
    let mut data = Vec::new();
    push_string(&mut data, "onStatus");
    push_number(&mut data, 0.0);
    data.extend_from_slice(&[NULL, OBJECT]);
    for (name, value) in [
        ("level", "error"),
        ("code", code),
        ("description", description),
    ] {
        push_name(&mut data, name);
        push_string(&mut data, value);
    }
    data.extend_from_slice(&END);
    data
}
