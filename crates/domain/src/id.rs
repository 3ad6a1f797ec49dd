//! Ids that say where they belong.
//!
//! A session's id is a UUID whose low 16 bits are zero; a seat's id is its session's id with the
//! seat's number in those bits. The session of a seat, and its place in the room, therefore follow
//! from the seat's id alone, without a look-up.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The bits of a seat's id that hold its number.
const SEAT_BITS: u128 = 0xffff;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The UUID itself, as it is stored and sent.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id! {
    /// Names a session: one showing of a film in a room.
    SessionId
}
id! {
    /// Names a seat of one session. The same chair has another id in another session.
    SeatId
}
id! {
    /// Names a reservation.
    ReservationId
}
id! {
    /// Names a sale.
    SaleId
}

impl SessionId {
    /// Turns a fresh UUID into a session's id by clearing the bits that number seats.
    pub const fn mint(fresh: Uuid) -> Self {
        Self(Uuid::from_u128(fresh.as_u128() & !SEAT_BITS))
    }

    /// Reads an id that came from outside; `None` when no session could ever bear it.
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        (uuid.as_u128() & SEAT_BITS == 0).then_some(Self(uuid))
    }

    /// The id of this session's seat number `no`.
    pub const fn seat(&self, no: SeatNo) -> SeatId {
        SeatId(Uuid::from_u128(self.0.as_u128() | no.0 as u128))
    }
}

impl SeatId {
    /// Reads an id that came from outside; `None` when no seat could ever bear it.
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        let low = u16::try_from(uuid.as_u128() & SEAT_BITS).ok()?;
        SeatNo::new(low).map(|_| Self(uuid))
    }

    /// The session that this seat belongs to.
    pub const fn session(&self) -> SessionId {
        SessionId(Uuid::from_u128(self.0.as_u128() & !SEAT_BITS))
    }

    /// The seat's number within its session.
    #[expect(clippy::cast_possible_truncation, reason = "only the low 16 bits are wanted")]
    pub const fn no(&self) -> SeatNo {
        SeatNo(self.0.as_u128() as u16)
    }
}

impl ReservationId {
    /// Takes any UUID: a reservation's id has no inner structure.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl SaleId {
    /// Takes any UUID: a sale's id has no inner structure.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// A seat's number within its session, 1 to 32,767, counted row by row from the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatNo(u16);

impl SeatNo {
    /// The greatest number: it fits SQL's `smallint`, a signed 16-bit integer.
    pub const MAX: u16 = 32_767;

    /// `None` outside 1 to [`SeatNo::MAX`].
    pub const fn new(no: u16) -> Option<Self> {
        if no >= 1 && no <= Self::MAX { Some(Self(no)) } else { None }
    }

    /// The number itself, from 1.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The user of a reservation: an opaque text that the caller chose. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The longest user id that is accepted, in characters.
    pub const MAX_CHARS: usize = 200;

    /// Takes the text as it is; callers check its length and its owner.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Uuid = Uuid::from_u128(0x0193_5f2e_7c00_7abc_9def_0123_4567_89ab);

    #[test]
    fn a_seat_knows_its_session_and_its_number() {
        let session = SessionId::mint(FRESH);
        let seat = session.seat(SeatNo::new(200).unwrap());
        assert_eq!(seat.session(), session);
        assert_eq!(seat.no().get(), 200);
        assert_eq!(SeatId::from_uuid(*seat.as_uuid()), Some(seat));
    }

    #[test]
    fn an_id_that_cannot_be_a_session_or_a_seat_is_refused_not_masked() {
        assert_eq!(SessionId::from_uuid(FRESH), None);
        assert_eq!(
            SessionId::from_uuid(*SessionId::mint(FRESH).as_uuid()),
            Some(SessionId::mint(FRESH))
        );
        assert_eq!(SeatId::from_uuid(*SessionId::mint(FRESH).as_uuid()), None);
        assert_eq!(SeatId::from_uuid(FRESH), None, "0x89ab is past 32,767");
    }

    #[test]
    fn seat_numbers_run_from_1_to_32_767() {
        assert_eq!(SeatNo::new(0), None);
        assert_eq!(SeatNo::new(1).map(SeatNo::get), Some(1));
        assert_eq!(SeatNo::new(32_767).map(SeatNo::get), Some(32_767));
        assert_eq!(SeatNo::new(32_768), None);
    }

    #[test]
    fn an_id_is_written_with_hyphens_and_debugged_with_its_name() {
        let session = SessionId::mint(FRESH);
        assert_eq!(session.to_string(), "01935f2e-7c00-7abc-9def-012345670000");
        assert_eq!(format!("{session:?}"), "SessionId(01935f2e-7c00-7abc-9def-012345670000)");
        assert_eq!(ReservationId::from_uuid(FRESH).as_uuid(), &FRESH);
        assert_eq!(SaleId::from_uuid(FRESH).as_uuid(), &FRESH);
    }

    #[test]
    fn a_user_is_the_text_as_it_is() {
        assert_eq!(UserId::new(" Ana ").as_str(), " Ana ");
    }
}
