//! What leaves in one TCP segment: the kernel counts them for each socket, and tells whoever asks over netlink.

use std::net::SocketAddr;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};
use tokio::net::TcpStream;

use crate::support::App;

const NLM_F_REQUEST: u16 = 1;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
const INET_DIAG_INFO: u8 = 2;
/// `struct nlmsghdr`, and `struct inet_diag_msg` behind it.
const HEADER: usize = 16;
const ANSWER: usize = HEADER + 72;
/// Where `struct tcp_info` has `tcpi_segs_in`.
const SEGMENTS_IN: usize = 140;

#[tokio::test]
async fn a_close_frame_and_the_end_of_the_stream_leave_in_one_segment() {
    let mut app = App::start().await;
    let mut websocket = app.websocket().await;
    // nothing is acknowledged any more: the client has sent its request alone, and that was answered
    let before = segments_in(&websocket.http.stream);
    app.stop.take().unwrap().send(()).unwrap();
    assert_eq!(
        websocket.frame().await,
        (0x88, 1001_u16.to_be_bytes().into())
    );
    assert_eq!(websocket.http.ended().await, [0_u8; 0]);
    assert_eq!(segments_in(&websocket.http.stream) - before, 1);
}

/// How many segments the socket has received.
fn segments_in(stream: &TcpStream) -> u32 {
    let netlink = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    );
    let netlink = netlink.unwrap();
    let question = question(stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&netlink, &question, SendFlags::empty(), &kernel).unwrap();
    let mut answer = [0; 4096];
    let (_, count) = recv(&netlink, &mut answer, RecvFlags::empty()).unwrap();
    assert_eq!(answer[4..6], SOCK_DIAG_BY_FAMILY.to_ne_bytes(), "no answer");
    let mut rest = &answer[ANSWER..count];
    loop {
        let len = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        if rest[2] == INET_DIAG_INFO {
            let info = &rest[4..len];
            let count = info[SEGMENTS_IN..].first_chunk().unwrap();
            return u32::from_ne_bytes(*count);
        }
        rest = &rest[len.next_multiple_of(4)..];
    }
}

/// `struct inet_diag_req_v2` behind its header: `struct tcp_info` of the socket between these addresses.
fn question(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let mut body = vec![AF_INET, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0];
    // in whatever state it is
    body.extend([0xff; 4]);
    body.extend(local.port().to_be_bytes());
    body.extend(peer.port().to_be_bytes());
    for address in [local, peer] {
        let SocketAddr::V4(address) = address else {
            panic!("{address} is not of IPv4");
        };
        body.extend(address.ip().octets());
        body.extend([0; 12]);
    }
    // on any interface, with whatever cookie
    body.extend([0; 4]);
    body.extend([0xff; 8]);
    let mut question = Vec::new();
    question.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    question.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    question.extend(NLM_F_REQUEST.to_ne_bytes());
    // its number, and who asks: the kernel knows
    question.extend([0; 8]);
    question.extend(body);
    question
}
