//! The instances that one instantiation makes.

use limits_wasmtime::limits_core::StructureCount;

use super::under;

fn count(text: &str, most: u64) -> Result<u64, String> {
    let structure = under(text, StructureCount::ComponentInstances, most)?;
    Ok(structure.get(StructureCount::ComponentInstances))
}

fn core_instances(text: &str) -> u64 {
    under(text, StructureCount::Types, 100).unwrap().get(StructureCount::CoreInstances)
}

/// Components that instantiate the one before them `each` times, `levels` deep.
fn tower(levels: usize, each: usize) -> String {
    let mut wat = String::from(
        "(component (component $c0 (core module $m) (core instance (instantiate $m)))",
    );
    for level in 1..=levels {
        wat += &format!("(component $c{level} (alias outer 1 {} (component $c))", level - 1);
        wat += &"(instance (instantiate $c))".repeat(each);
        wat += ")";
    }
    wat + &format!("(instance (instantiate $c{levels})))")
}

#[test]
fn a_component_of_one_part_is_one_instance() {
    assert_eq!(count("(component)", 1), Ok(1));
}

#[test]
fn instances_of_instances_are_all_counted() {
    assert_eq!(count(&tower(2, 3), 100), Ok(1 + 1 + 3 + 9));
    assert_eq!(core_instances(&tower(2, 3)), 9);
}

#[test]
fn an_instance_past_the_bound_is_refused() {
    assert_eq!(count(&tower(1, 3), 5), Ok(5));
    assert_eq!(
        count(&tower(1, 3), 4).unwrap_err(),
        "component rejected: it has 5 component instances, max_component_instances is 4"
    );
}

#[test]
fn a_bundle_of_exports_and_a_core_instance_are_no_component_instances() {
    let wat = r#"(component
        (core module $m (export "e" (func 0)) (func))
        (core instance $i (instantiate $m))
        (core instance (export "e" (func $i "e")))
        (component $c)
        (instance $i (export "c" (component $c)))
        (alias export $i "c" (component $d))
        (instance (instantiate $d)))"#;
    assert_eq!(count(wat, 10), Ok(2));
    assert_eq!(core_instances(wat), 1);
}

#[test]
fn a_component_that_is_given_to_another_is_counted_where_it_is_instantiated() {
    let wat = r#"(component
        (component $leaf)
        (component $twice (import "c" (component $c))
            (instance (instantiate $c)) (instance (instantiate $c)))
        (instance (instantiate $twice (with "c" (component $leaf)))))"#;
    assert_eq!(count(wat, 10), Ok(4));
}

/// The module comes to its instances by an argument, an export and an outer alias.
#[test]
fn the_size_of_a_module_is_counted_wherever_it_is_instantiated() {
    let wat = r#"(component
        (core module $m (global i32 i32.const 0) (func $f)
            (export "a" (func $f)) (export "b" (func $f)))
        (component $twice
            (import "m" (core module $n))
            (core instance (instantiate $n)) (core instance (instantiate $n))
            (export "n" (core module $n)))
        (instance $i (instantiate $twice (with "m" (core module $m))))
        (alias export $i "n" (core module $again))
        (core instance (instantiate $again))
        (component $inner (alias outer 1 0 (core module $o)) (core instance (instantiate $o)))
        (instance (instantiate $inner)))"#;
    let structure = under(wat, StructureCount::Types, 100).unwrap();
    assert_eq!(structure.get(StructureCount::CoreInstances), 4);
    assert_eq!(structure.get(StructureCount::InstanceBytes), 4 * (512 + 16 + 32));
}

#[test]
fn a_component_that_an_instance_exports_keeps_the_scope_it_was_written_in() {
    let wat = r#"(component
        (component $maker
            (component $leaf)
            (component $pair (alias outer $maker $leaf (component $l))
                (instance (instantiate $l)) (instance (instantiate $l)))
            (export "pair" (component $pair)))
        (instance $m (instantiate $maker))
        (alias export $m "pair" (component $pair))
        (instance (instantiate $pair)))"#;
    assert_eq!(count(wat, 10), Ok(1 + 1 + 1 + 2));
}

/// Each instance is small work, but a definition with many items is looked at many times.
#[test]
fn instances_of_large_definitions_are_given_up_when_the_steps_are_spent() {
    for item in ["(alias outer 1 0 (component))", "(type u8)"] {
        let mut wat = String::from("(component (component $c0) (component $c1 ");
        wat += &item.repeat(20_000);
        wat += ")";
        wat += &"(instance (instantiate $c1))".repeat(900);
        wat += ")";
        let error = under(&wat, StructureCount::InstantiationSteps, 200_000).unwrap_err();
        let end = " steps of one instantiation, max_instantiation_steps is 200000";
        assert!(
            error.starts_with("component rejected: it has 2") && error.ends_with(end),
            "{error}"
        );
    }
}

/// A definition is bounded as well, instantiated or not.
#[test]
fn a_component_of_too_many_items_is_given_up_as_it_is_read() {
    let aliases = |count: usize| {
        let aliases = "(alias outer 1 0 (component))".repeat(count);
        format!("(component (component $c0) (component {aliases}))")
    };
    let steps = |text: &str, most| under(text, StructureCount::InstantiationSteps, most);
    // Two items are definitions.
    assert!(steps(&aliases(998), 1_000).is_ok());
    assert_eq!(
        steps(&aliases(999), 1_000).unwrap_err(),
        "component rejected: it has 1001 steps of one instantiation, max_instantiation_steps is 1000"
    );
    // Arguments are items, too.
    let arguments = "(with \"a\" (func $f))".repeat(200);
    let given = format!("(instance (instantiate $c {arguments}))").repeat(600);
    let text = format!("(component (import \"f\" (func $f)) (component $c) {given})");
    let most = 2 + 600 * 201;
    assert!(steps(&text, most - 1).is_err());
    assert!(steps(&text, most + 600 + 1).is_ok());
}

#[test]
fn a_type_that_comes_through_an_instance_has_its_whole_size() {
    // An import, an instance of a component, a bundle, and an outer alias.
    for source in [
        r#"(import "i" (instance $i (type $t (tuple u8 u8 u8)) (export "t" (type (eq $t)))))"#,
        r#"(component $c (type $t (tuple u8 u8 u8)) (export "t" (type $t)))
           (instance $i (instantiate $c))"#,
        r#"(type $t (tuple u8 u8 u8)) (instance $i (export "t" (type $t)))"#,
    ] {
        let text = format!(
            r#"(component {source} (alias export $i "t" (type $a))
                (component (alias outer 1 $a (type $o)) (type (tuple $o $o))))"#
        );
        let structure = under(&text, StructureCount::Types, 100).unwrap();
        assert_eq!(structure.get(StructureCount::TypeSize), 1 + 4 + 4, "{source}");
    }
}
