//! The text of a refusal has its numbers and no others.

use super::{amount, numbers};
use limits_core::{LimitExceeded, LimitKind, WasmError};
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = LimitKind> {
    proptest::sample::select(vec![
        LimitKind::CopyBytes,
        LimitKind::Handles,
        LimitKind::Instances,
        LimitKind::Memories,
        LimitKind::Memory,
        LimitKind::Resources,
        LimitKind::TableElements,
        LimitKind::Tables,
    ])
}

proptest! {
    #[test]
    fn a_refusal_without_a_request_shows_the_limit_only(kind in kind(), limit in amount()) {
        let refused = LimitExceeded::new(kind, limit);
        prop_assert_eq!((refused.kind(), refused.limit()), (kind, limit));
        prop_assert_eq!((refused.used(), refused.requested()), (None, None));
        prop_assert_eq!(numbers(&refused.to_string()), [limit]);
    }

    #[test]
    fn a_refusal_shows_limit_use_and_request_in_this_order(
        kind in kind(), limit in amount(), used in amount(), requested in amount(),
    ) {
        let refused = LimitExceeded::new(kind, limit).with_request(used, requested);
        prop_assert_eq!((refused.kind(), refused.limit()), (kind, limit));
        prop_assert_eq!((refused.used(), refused.requested()), (Some(used), Some(requested)));
        let text = refused.to_string();
        prop_assert_eq!(numbers(&text), [limit, used, requested]);
        prop_assert!(text.starts_with(kind.name()) && text.contains(kind.unit()), "{text}");
    }

    #[test]
    fn an_error_around_a_refusal_keeps_its_text(
        kind in kind(), limit in amount(), used in amount(), requested in amount(),
    ) {
        let refused = LimitExceeded::new(kind, limit).with_request(used, requested);
        for error in [WasmError::OutOfMemory(refused), WasmError::LimitExceeded(refused)] {
            prop_assert!(error.to_string().ends_with(&refused.to_string()), "{error}");
        }
    }
}
