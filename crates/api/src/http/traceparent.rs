//! Where a request stands in a trace that began elsewhere (W3C Trace Context).

/// How long the header is in version 00, and at least in any later one.
const LENGTH: usize = 55;

/// The header `traceparent`, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent<'a> {
    /// The trace: 32 hexadecimal digits.
    pub trace_id: &'a str,
    /// The span that asks: 16 hexadecimal digits.
    pub parent_id: &'a str,
    /// Whether whoever asks records the trace.
    pub sampled: bool,
}

impl<'a> TraceParent<'a> {
    /// Understands a header. One that is malformed or too long is none.
    #[must_use]
    pub fn parse(header: &'a str) -> Option<Self> {
        let (known, more) = header.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let mut next = |length| parts.next().filter(|part| part.len() == length && part.bytes().all(is_digit));
        let (version, trace_id, parent_id, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        // a later version may only add to this one, behind a dash
        let is_whole = if version == "00" { more.is_empty() } else { more.is_empty() || more.starts_with('-') };
        let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
        if version == "ff" || !is_whole || is_zero(trace_id) || is_zero(parent_id) {
            return None;
        }
        Some(Self { trace_id, parent_id, sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1 })
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_header_is_understood() {
        for (flags, sampled) in [("00", false), ("01", true), ("03", true), ("fe", false)] {
            let header = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(TraceParent::parse(&header), Some(TraceParent { trace_id: TRACE, parent_id: SPAN, sampled }));
        }
        for later in [format!("01-{TRACE}-{SPAN}-01"), format!("cc-{TRACE}-{SPAN}-01-what-will-be")] {
            assert_eq!(TraceParent::parse(&later).map(|parent| parent.trace_id), Some(TRACE), "{later}");
        }
    }

    #[test]
    fn what_is_malformed_is_none() {
        for header in [
            String::new(),
            "-".repeat(LENGTH),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-011"),
            format!("01-{TRACE}-{SPAN}-011"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", "水".repeat(10)),
            format!("{}水-{TRACE}", "0".repeat(54)),
            format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(TraceParent::parse(&header), None, "{header}");
        }
    }
}
