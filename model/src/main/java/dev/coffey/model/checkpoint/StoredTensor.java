package dev.coffey.model.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// One tensor as a safetensors file stores it: little-endian, row-major, at any alignment. `data`
/// is read-only and lives until its [Safetensors] or [Checkpoint] is closed.
public record StoredTensor(String name, StoredType type, List<Long> shape, MemorySegment data) {}
