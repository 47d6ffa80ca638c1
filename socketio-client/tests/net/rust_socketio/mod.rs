//! What went wrong in rust_socketio 0.6, the other client for Rust: rows R1 to R24 of the survey, and its issues. None
//! of it may happen here.
//!
//! | row | what happened there | the test that shows it here |
//! |---|---|---|
//! | R1, #491, #493 | a server's question cannot be answered | [`acks`](super::acks)`::we_answer_by_what_handlers_return`; `interop`, `contract::*::the_server_s_questions_are_answered` |
//! | R2 | a binary emit with ack is a BINARY_ACK | [`wire`]`::r02_…` |
//! | R3 | ack ids collide | [`wire`]`::r03_…` |
//! | R4 | an ack's timeout never fires, its entry stays | `acks::who_is_not_answered_learns_it_in_time`; `socketio-proto`, `client::tests::every_ack_ends_once` |
//! | R5 | an event without arguments is called "message" | [`wire`]`::r05_…` |
//! | R6 | names like `Error`, `open` collide with internal ones | [`wire`]`::r06_…` |
//! | R7 | of binary events one attachment arrives, at most 255 | [`wire`]`::r07_…`; `events::values_come_back_as_they_went_over_every_transport` |
//! | R8, #490 | frames are split at 0x1e | [`wire`]`::r08_…` |
//! | R9, #506 | attachments of concurrent emits interleave | [`wire`]`::r09_…` |
//! | R10, #392 | a chunk of a body is taken for all of it; only its first packet is read | [`wire`]`::r10_…`; for the status `reconnecting::gateways_that_answer_nonsense_are_tried_again_without_a_spin` |
//! | R11, #502 | emits go out before the CONNECT answer | [`wire`]`::r11_r12_…` |
//! | R12 | an unasked PONG at the start | [`wire`]`::r11_r12_…` |
//! | R13 | `maxPayload` is ignored, one POST per packet | [`wire`]`::r13_…` |
//! | R14 | a slow handler stops the heartbeat | `events::a_handler_that_waits_does_not_stop_the_heartbeat` |
//! | R15, #467 | an ack inside of an ack's handler is a deadlock | [`life`]`::r15_…` |
//! | R16, #248 | the limit of attempts is not final; after 15 minutes no pause, or no attempt | [`life`]`::r16_…`, twice |
//! | R17, #374, #500 | a disconnect reconnects, or is not told | [`life`]`::r17_…` |
//! | R18 | a refusal is a string, and the socket hangs | `connecting::a_refusal_is_told_with_its_data_and_not_tried_again` |
//! | R19 | OPEN or PONG at the wrong time is a panic | [`life`]`::r19_…` |
//! | R20, #474 | cookies of the handshake are not sent again | [`life`]`::r20_…` |
//! | R21 | the fallback leaves a session behind | [`life`]`::r21_…` |
//! | R22 | connecting has no time limit | [`life`]`::r22_…`; `reconnecting::a_server_that_says_nothing_is_given_up_in_time` |
//! | R23, #224 | one namespace for each connection | `connecting::several_namespaces_share_a_connection_and_leave_it_one_by_one` |
//! | R24 | quotes in names and text are not escaped | [`wire`]`::r24_…` |
//! | #133 | an emit blocks | `events::what_may_wait_is_bounded_and_producers_can_wait_for_room`, `events::a_full_inbox_stops_the_reading_and_loses_nothing` |
//! | #166, #216 | a panic on unexpected or fragmented control frames | [`life`]`::issue_166_…` |
//! | #311 | the first heartbeat ends it, and a core is busy | [`life`]`::issue_311_…`; `interop`, `idle` |
//! | #359 | a dead link is never noticed | `reconnecting::a_link_that_goes_silent_is_noticed_by_its_heartbeat` |
//! | #313 | async callbacks are not awaited | `events::events_of_one_socket_are_handled_in_order_and_others_do_not_wait` |
//! | #510 | a hot thread after a disconnect, and for each failed connection | `interop`, `idle`; `connecting::it_connects_over_every_transport_and_leaves_nothing_behind` |

mod life;
mod wire;
