package dev.coffey.model.checkpoint;

import java.util.List;

/// What a header says of one tensor, checked: `begin` (included) to `end` (excluded) lie within the
/// data and hold exactly the shape's elements.
record TensorEntry(StoredType type, List<Long> shape, long begin, long end) {}
