//! The interfaces of `wasi:messaging`.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "messaging",
        imports: { default: async | trappable },
        trappable_error_type: {
            "wasi:messaging/types.error" => crate::messaging::error::MessagingError,
        },
        with: {
            "wasi:messaging/types.client": crate::messaging::client::Client,
            "wasi:messaging/types.message": crate::messaging::message::Message,
        },
        require_store_data_send: true,
    });
}

pub(crate) use self::generated::wasi::messaging::*;
