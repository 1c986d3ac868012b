//! The guide names what there is.

use barewire_doctor::{Area, kinds};

#[test]
fn the_guide_names_every_check() {
    let guide = include_str!("../../../../docs/doctor.md");
    for kind in kinds() {
        assert!(guide.contains(&format!("| `{}` |", kind.id)), "docs/doctor.md does not name {}", kind.id);
    }
    for area in Area::ALL {
        assert!(guide.contains(area.title()), "docs/doctor.md does not name {}", area.title());
    }
}
