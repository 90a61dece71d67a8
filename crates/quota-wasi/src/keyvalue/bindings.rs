//! The interfaces of `wasi:keyvalue`.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "keyvalue",
        imports: { default: async | trappable },
        trappable_error_type: {
            "wasi:keyvalue/store.error" => crate::keyvalue::error::KeyValueError,
        },
        with: {
            "wasi:keyvalue/store.bucket": crate::keyvalue::bucket::Bucket,
        },
        require_store_data_send: true,
    });
}

pub(crate) use self::generated::wasi::keyvalue::*;
