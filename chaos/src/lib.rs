//! Hosts that share a quota through real Redis servers, under faults.
