//! The needs of a component, read from its binary without compiling it.

use limits_core::Permission;
use quota_wasi::Service;
use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::guest::imports::{is_provided, needed};

/// Bytes of a page of memory, as a power of two.
const PAGE_LOG2: u32 = 16;
/// Bytes that a limiter counts for an element of a table.
const ELEMENT_BYTES: u64 = 8;

/// Interfaces by the beginning of their names, the permissions that they can use, and the service
/// that they are. Other interfaces need none: streams, clocks, random numbers, arguments and
/// variables.
const USES: [(&str, &[Permission], Option<Service>); 8] = [
    ("wasi:filesystem/", &[Permission::FilesystemRead, Permission::FilesystemWrite], None),
    (
        "wasi:sockets/tcp",
        &[Permission::NetworkConnect, Permission::NetworkBind, Permission::NetworkListen],
        Some(Service::Tcp),
    ),
    (
        "wasi:sockets/udp",
        &[Permission::NetworkConnect, Permission::NetworkBind],
        Some(Service::Udp),
    ),
    ("wasi:sockets/ip-name-lookup", &[Permission::NetworkConnect], Some(Service::NameLookup)),
    ("wasi:http/outgoing-handler", &[Permission::NetworkConnect], Some(Service::Http)),
    (
        "wasi:keyvalue/",
        &[Permission::StorageRead, Permission::StorageWrite, Permission::StorageDelete],
        Some(Service::KeyValue),
    ),
    ("wasi:messaging/producer", &[Permission::MessagingSend], Some(Service::Messaging)),
    ("wasi:messaging/request-reply", &[Permission::MessagingSend], Some(Service::Messaging)),
];

/// The imports of a component, and the memory that it starts with.
#[derive(Debug)]
pub(crate) struct Wants {
    pub(crate) imports: Vec<Import>,
    /// Bytes that the memories and tables of all its modules begin with, each module once.
    pub(crate) start_bytes: u64,
}

/// An import that needs an implementation.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Import {
    pub(crate) name: String,
    /// Whether the command has an implementation.
    pub(crate) is_provided: bool,
    /// The permissions that calls through it can use.
    pub(crate) permissions: &'static [Permission],
    /// The service that calls through it use, if an option has to switch that on.
    pub(crate) service: Option<Service>,
}

impl Wants {
    /// Reads a component in two passes over its bytes.
    ///
    /// # Errors
    ///
    /// Those of a malformed component. It is not validated, which the compiler does.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        let imports = needed(bytes)?.into_iter().map(Import::new).collect();
        Ok(Self { imports, start_bytes: start_bytes(bytes)? })
    }

    /// Returns whether an import can use a permission.
    pub(crate) fn can_use(&self, permission: Permission) -> bool {
        self.imports.iter().any(|import| import.permissions.contains(&permission))
    }
}

impl Import {
    fn new(name: String) -> Self {
        let is_used = |(start, ..): &&(&str, _, _)| name.starts_with(start);
        let (permissions, service) = USES
            .iter()
            .find(is_used)
            .map_or((&[][..], None), |(_, uses, service)| (uses, *service));
        Self { is_provided: is_provided(&name), permissions, service, name }
    }
}

fn start_bytes(bytes: &[u8]) -> Result<u64, BinaryReaderError> {
    let mut start = 0_u64;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory?;
                    let page_log2 = memory.page_size_log2.unwrap_or(PAGE_LOG2);
                    let page = 1_u64.checked_shl(page_log2).unwrap_or(u64::MAX);
                    start = start.saturating_add(memory.initial.saturating_mul(page));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let elements = table?.ty.initial;
                    start = start.saturating_add(elements.saturating_mul(ELEMENT_BYTES));
                }
            }
            _ => {}
        }
    }
    Ok(start)
}
