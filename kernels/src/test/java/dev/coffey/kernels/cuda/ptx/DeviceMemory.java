package dev.coffey.kernels.cuda.ptx;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A device's global memory. Every allocation has 4 GiB of addresses of its own, never given again,
/// so an access that leaves it, or comes after its end, is always found. Host calls come from one
/// thread while no kernel runs.
public final class DeviceMemory {
  private static final int ADDRESS_BITS = 32;

  private final boolean watchesReads;
  private Region[] regions = new Region[16];
  private int count = 1;
  private long allocated;

  /// @param watchesReads whether reads are remembered, to find a write of what another CTA reads;
  ///   costs four times the memory that kernels read
  public DeviceMemory(boolean watchesReads) {
    this.watchesReads = watchesReads;
  }

  /// Memory of undefined content.
  public long allocate(long bytes) {
    if (bytes < 1 || bytes > Integer.MAX_VALUE - 16) {
      throw new Fault(Fault.Kind.OUT_OF_BOUNDS, "an allocation of " + bytes + " bytes");
    }
    if (count == regions.length) {
      regions = Arrays.copyOf(regions, 2 * count);
    }
    String name = "allocation " + count + " of " + bytes + " bytes";
    long base = (long) count << ADDRESS_BITS;
    regions[count++] =
        new Region(name, base, (int) bytes, new Shadow(name, bytes, false, watchesReads));
    allocated += bytes;
    return base;
  }

  public void free(long address) {
    Region region = find(address);
    if (region == null || region.base != address || isFreed(region)) {
      throw new Fault(
          Fault.Kind.USE_AFTER_FREE, "free of " + hex(address) + ", which is not allocated");
    }
    allocated -= region.bytes.length;
    regions[(int) (address >>> ADDRESS_BITS)] =
        new Region(region.name, address, 0, new Shadow(region.name, 0, false, false));
  }

  /// Bytes allocated and not freed.
  public long allocated() {
    return allocated;
  }

  public void copyIn(MemorySegment source, long target) {
    Region region = host(target, source.byteSize());
    int offset = (int) (target - region.base);
    MemorySegment.copy(
        source, ValueLayout.JAVA_BYTE, 0, region.bytes, offset, (int) source.byteSize());
    region.shadow.hostWrites(offset, source.byteSize());
  }

  public void copyOut(long source, MemorySegment target) {
    Region region = host(source, target.byteSize());
    int offset = (int) (source - region.base);
    long unwritten = region.shadow.firstUnwritten(offset, target.byteSize());
    if (unwritten >= 0) {
      throw new Fault(
          Fault.Kind.UNINITIALISED,
          "the host copies byte " + unwritten + " of " + region.name + ", never written");
    }
    MemorySegment.copy(
        region.bytes, offset, target, ValueLayout.JAVA_BYTE, 0, (int) target.byteSize());
  }

  public void copy(long source, long target, long bytes) {
    Region from = host(source, bytes);
    MemorySegment range = MemorySegment.ofArray(from.bytes).asSlice(source - from.base, bytes);
    copyIn(range, target);
  }

  public void fill(long address, byte value, long bytes) {
    Region region = host(address, bytes);
    int offset = (int) (address - region.base);
    Arrays.fill(region.bytes, offset, offset + (int) bytes, value);
    region.shadow.hostWrites(offset, bytes);
  }

  private Region host(long address, long bytes) {
    Region region = find(address);
    if (region != null && isFreed(region)) {
      throw new Fault(
          Fault.Kind.USE_AFTER_FREE,
          "the host uses " + hex(address) + where(region) + ", which was freed");
    }
    if (region == null || address - region.base + bytes > region.bytes.length) {
      throw new Fault(
          Fault.Kind.OUT_OF_BOUNDS,
          "the host uses " + bytes + " bytes at " + hex(address) + where(region));
    }
    return region;
  }

  /// The region that an access of a kernel lies in, checked.
  Region access(Warp warp, int lane, long address, int bytes) {
    Region region = find(address);
    if (region != null && address - region.base + bytes <= region.bytes.length) {
      return region;
    }
    throw warp.fault(
        region != null && isFreed(region) ? Fault.Kind.USE_AFTER_FREE : Fault.Kind.OUT_OF_BOUNDS,
        lane,
        bytes + " bytes at " + hex(address) + where(region));
  }

  /// No allocation is empty; of a freed one nothing is left.
  private static boolean isFreed(Region region) {
    return region.bytes.length == 0;
  }

  private @Nullable Region find(long address) {
    long number = address >>> ADDRESS_BITS;
    return number > 0 && number < count ? regions[(int) number] : null;
  }

  private static String where(@Nullable Region region) {
    return region == null ? ", in no allocation" : " (" + region.name + ")";
  }

  static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
