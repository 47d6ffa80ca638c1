//! Frames cut anywhere, and those that nobody may send.

use super::*;

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match content.len() {
        len @ ..126 => out.push(0x80 | len as u8),
        len => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    let mut content = content.to_vec();
    apply_mask(&mut content, MASK);
    out.extend_from_slice(&content);
    out
}

/// What `Bytes` gives back as a vector has two allocations once it is cloned.
#[test]
fn small_messages_are_one_allocation() {
    for len in [0, 64, 65, 128, 129, 256, 257, 512, 513] {
        let content = vec![7; len];
        let bytes = copied(&content);
        assert_eq!(bytes, content);
        assert_eq!(bytes.try_into_mut().is_ok(), len > 512, "{len}");
    }
}

fn read(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Item>, Violation> {
    let mut items = Vec::new();
    reader
        .feed(&mut bytes.to_vec(), |item| items.push(item))
        .map(|()| items)
}

fn text(text: &str) -> Item {
    Item::Message(text.into())
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_messages() {
    let long = "é".repeat(300);
    let mut stream = frame(0x81, b"4hello");
    stream.extend(frame(0x89, b"ping"));
    stream.extend(frame(0x01, b"4frag"));
    stream.extend(frame(0x8a, b"pong in between"));
    stream.extend(frame(0x00, b""));
    stream.extend(frame(0x80, b"mented"));
    stream.extend(frame(0x82, &[1, 2, 3]));
    stream.extend(frame(0x81, long.as_bytes()));
    stream.extend(frame(0x88, &[0x03, 0xe8]));
    let expected = || {
        vec![
            text("4hello"),
            Item::Ping(Bytes::from_static(b"ping")),
            text("4fragmented"),
            Item::Message(Data::Binary(Bytes::from_static(&[1, 2, 3]))),
            text(&long),
            Item::Close(CloseFrame {
                code: Some(1000),
                reason: "".into(),
            }),
        ]
    };
    for cut in 0..=stream.len() {
        let mut reader = Reader::new(Role::Server, 1000);
        let mut items = read(&mut reader, &stream[..cut]).unwrap();
        items.extend(read(&mut reader, &stream[cut..]).unwrap());
        assert_eq!(items, expected(), "cut at {cut}");
        assert_eq!(reader.partial.capacity(), 0);
    }
    let mut reader = Reader::new(Role::Server, 1000);
    let one_by_one = stream
        .iter()
        .flat_map(|byte| read(&mut reader, &[*byte]).unwrap());
    assert_eq!(one_by_one.collect::<Vec<_>>(), expected());
}

#[test]
fn messages_of_every_size_are_whole() {
    for len in (0..600).chain([1000, 4096]) {
        let content: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        assert_eq!(copied(&content), content, "{len}");
        assert_eq!(copied(&content).slice(len / 2..), content[len / 2..]);
    }
}

#[test]
fn violations_are_seen_in_the_header() {
    use Violation::{NotUtf8, Protocol, TooLarge};
    let announced = |len: u64| {
        let mut header = vec![0x82, 0x80 | 127];
        header.extend_from_slice(&len.to_be_bytes());
        header.extend_from_slice(&MASK);
        header
    };
    for (bytes, violation) in [
        (frame(0xc1, b"a reserved bit"), Protocol),
        (frame(0xa1, b"a reserved bit"), Protocol),
        (frame(0x91, b"a reserved bit"), Protocol),
        (vec![0x81, 0x01, b'x'], Protocol),
        (frame(0x80, b"nothing to continue"), Protocol),
        (frame(0x83, b""), Protocol),
        (frame(0x8b, b""), Protocol),
        (frame(0x09, b"fragmented ping"), Protocol),
        (frame(0x89, &[0; 126]), Protocol),
        (frame(0x88, &[1]), Protocol),
        (frame(0x88, &[0x03, 0xed]), Protocol),
        (frame(0x88, &[0x03, 0xe8, 0xff]), NotUtf8),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), Protocol),
        (frame(0x81, &[0xff]), NotUtf8),
        (announced(1001), TooLarge),
        (announced(1 << 32), TooLarge),
        (announced((1 << 63) - 1), TooLarge),
        (announced(1 << 63), Protocol),
        (
            [frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat(),
            TooLarge,
        ),
    ] {
        assert_eq!(
            read(&mut Reader::new(Role::Server, 1000), &bytes),
            Err(violation),
            "{bytes:02x?}"
        );
    }
    assert!(
        read(
            &mut Reader::new(Role::Server, 1000),
            &frame(0x82, &[0; 1000])
        )
        .is_ok()
    );
}

#[test]
fn control_frames_between_fragments_do_not_count_as_the_message() {
    let stream = [
        frame(0x02, &[7; 990]),
        frame(0x89, &[1; 125]),
        frame(0x80, &[7; 10]),
    ];
    let items = read(&mut Reader::new(Role::Server, 1000), &stream.concat()).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1], Item::Message(Data::Binary(vec![7; 1000].into())));
}

#[test]
fn a_limit_below_the_size_of_control_frames_holds_for_messages_only() {
    let reader = || Reader::new(Role::Server, 10);
    assert!(read(&mut reader(), &frame(0x82, &[0; 10])).is_ok());
    let larger = read(&mut reader(), &frame(0x82, &[0; 11]));
    assert_eq!(larger, Err(Violation::TooLarge));
    assert!(read(&mut reader(), &frame(0x89, &[0; 125])).is_ok());
}

#[test]
fn what_is_unfinished_is_held() {
    let mut reader = Reader::new(Role::Server, 1000);
    assert_eq!(reader.held(), 0);
    read(&mut reader, &frame(0x02, &[7; 300])).unwrap();
    assert!((300..=600).contains(&reader.held()), "{}", reader.held());
    let rest = frame(0x80, &[7; 200]);
    read(&mut reader, &rest[..150]).unwrap();
    assert!((450..=900).contains(&reader.held()), "{}", reader.held());
    read(&mut reader, &rest[150..]).unwrap();
    assert_eq!(reader.held(), 0);
}

#[test]
fn empty_fragments_are_counted() {
    let mut reader = Reader::new(Role::Server, 1000);
    read(&mut reader, &frame(0x01, b"")).unwrap();
    let empty = frame(0x00, b"").repeat(1000);
    let end = (0..100).find_map(|_| read(&mut reader, &empty).err());
    assert_eq!(end, Some(Violation::TooLarge));
}

#[test]
fn a_client_takes_what_is_not_masked_and_nothing_else() {
    let client = || Reader::new(Role::Client, 1000);
    assert_eq!(
        read(&mut client(), b"\x81\x024a\x82\x01b"),
        Ok(vec![
            text("4a"),
            Item::Message(Data::Binary(Bytes::from_static(b"b")))
        ])
    );
    for masked in [frame(0x81, b"4a"), frame(0x89, b""), frame(0x88, b"")] {
        assert_eq!(read(&mut client(), &masked), Err(Violation::Protocol));
    }
}

#[test]
fn what_a_close_frame_says() {
    let client = || Reader::new(Role::Client, 1000);
    let close = |code, reason: &str| {
        Item::Close(CloseFrame {
            code,
            reason: reason.into(),
        })
    };
    for (bytes, item) in [
        (&b"\x88\x00"[..], close(None, "")),
        (b"\x88\x02\x03\xf1", close(Some(1009), "")),
        (b"\x88\x04\x03\xe8hi", close(Some(1000), "hi")),
    ] {
        assert_eq!(read(&mut client(), bytes), Ok(vec![item]));
    }
}

/// RFC 6455, section 7.4.1.
#[test]
fn every_violation_has_its_close_code() {
    let violations = [Violation::Protocol, Violation::NotUtf8, Violation::TooLarge];
    assert_eq!(violations.map(Violation::close_code), [1002, 1007, 1009]);
}

/// RFC 6455, section 5.7.
#[test]
fn a_masked_hello_is_that_of_the_specification() {
    let mut content = *b"Hello";
    apply_mask(&mut content, [0x37, 0xfa, 0x21, 0x3d]);
    assert_eq!(content, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    let mut long = *b"0123456789";
    apply_mask(&mut long, MASK);
    let expected: Vec<u8> = (0..10).map(|n| (b'0' + n) ^ MASK[n as usize % 4]).collect();
    assert_eq!(long[..], expected);
}

#[test]
fn a_message_has_so_many_fragments_and_no_more() {
    let fragments = |count: u32| {
        let mut reader = Reader::new(Role::Server, 1000);
        let mut stream = frame(0x02, b"");
        (2..count).for_each(|_| stream.extend(frame(0x00, b"")));
        stream.extend(frame(0x80, b"x"));
        read(&mut reader, &stream)
    };
    let whole = Item::Message(Data::Binary(Bytes::from_static(b"x")));
    assert_eq!(fragments(MAX_FRAGMENTS), Ok(vec![whole]));
    assert_eq!(fragments(MAX_FRAGMENTS + 1), Err(Violation::TooLarge));
}
