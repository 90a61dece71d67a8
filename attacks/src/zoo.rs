//! The vectors, by the sections of the catalogue.

pub mod a;
pub mod b;
pub mod c;
pub mod d;
pub mod e;
pub mod f;
pub mod g;
pub mod h;

use crate::vector::Vector;

/// A section: its letter, its subject and its vectors.
pub type Section = (char, &'static str, fn() -> Vec<Vector>);

/// All sections.
pub const SECTIONS: [Section; 8] = [
    ('A', "CPU inside the guest", a::vectors),
    ('B', "memory of the guest", b::vectors),
    ('C', "host memory, handles, descriptors and threads", c::vectors),
    ('D', "time outside the guest", d::vectors),
    ('E', "logs, output and errors", e::vectors),
    ('F', "compiling and loading", f::vectors),
    ('G', "storage, messages and network", g::vectors),
    ('H', "files of strangers", h::vectors),
];
