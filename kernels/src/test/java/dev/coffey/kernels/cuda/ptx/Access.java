package dev.coffey.kernels.cuda.ptx;

import java.util.function.LongBinaryOperator;

/// Instructions that read and write memory.
final class Access {
  /// Where shared and local memory lie in generic addresses.
  static final long SHARED_WINDOW = 1L << 61;

  static final long LOCAL_WINDOW = 1L << 62;

  private Access() {}

  enum Space {
    GENERIC,
    GLOBAL,
    SHARED
  }

  /// An address operand: a register (or none, -1), and an offset.
  record Place(Space space, Operand.File file, int register, long offset) {
    long address(Warp warp, int lane) {
      if (register < 0) {
        return offset;
      }
      return offset
          + (file == Operand.File.LONG
              ? warp.longs[register + lane]
              : warp.words[register + lane] & 0xFFFF_FFFFL);
    }

    /// The region that the access lies in, checked.
    Region region(Warp warp, int lane, long address, int bytes) {
      return switch (space) {
        case GLOBAL -> warp.cta.launch().machine().memory().access(warp, lane, address, bytes);
        case SHARED -> warp.cta.shared(warp, lane, address, bytes);
        case GENERIC ->
            isShared(address)
                ? warp.cta.shared(warp, lane, address - SHARED_WINDOW, bytes)
                : warp.cta.launch().machine().memory().access(warp, lane, address, bytes);
      };
    }

    /// Where a checked address lies in its region.
    int offsetIn(Region region, long address) {
      long at = space == Space.GENERIC && isShared(address) ? address - SHARED_WINDOW : address;
      return (int) (at - region.base);
    }

    private static boolean isShared(long address) {
      return address >>> 32 == SHARED_WINDOW >>> 32;
    }
  }

  static void requireAligned(Warp warp, int lane, long address, int bytes) {
    if ((address & bytes - 1) != 0) {
      throw warp.fault(
          Fault.Kind.MISALIGNED,
          lane,
          "address " + DeviceMemory.hex(address) + " is no multiple of " + bytes);
    }
  }

  /// The registers that a load fills or a store reads: -1 for an element that nobody wants.
  static final class Elements {
    private final boolean longs;
    private final int[] places;

    Elements(boolean longs, int[] places) {
      this.longs = longs;
      this.places = places.clone();
    }

    void set(Warp warp, int element, int lane, long value) {
      int place = places[element];
      if (place >= 0) {
        if (longs) {
          warp.longs[place + lane] = value;
        } else {
          warp.words[place + lane] = (int) value;
        }
      }
    }

    long get(Warp warp, int element, int lane) {
      int place = places[element];
      return longs ? warp.longs[place + lane] : warp.words[place + lane];
    }

    int count() {
      return places.length;
    }
  }

  /// @param size of one element in bytes
  /// @param signBits to how many bits a signed element is extended; 0 for an unsigned one
  record Shape(int size, int signBits) {
    long extended(long value) {
      if (signBits == 0) {
        return value;
      }
      int unused = Long.SIZE - 8 * size;
      long signed = value << unused >> unused;
      return signBits == Long.SIZE ? signed : signed & (1L << signBits) - 1;
    }
  }

  static final class Load extends Instruction {
    private final Place place;
    private final Elements elements;
    private final Shape shape;

    Load(Site site, Place place, Elements elements, Shape shape) {
      super(site);
      this.place = place;
      this.elements = elements;
      this.shape = shape;
    }

    @Override
    void execute(Warp warp, int mask) {
      int size = shape.size();
      int bytes = size * elements.count();
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        long address = place.address(warp, lane);
        Region region = place.region(warp, lane, address, bytes);
        requireAligned(warp, lane, address, bytes);
        int at = place.offsetIn(region, address);
        region.shadow.read(warp, lane, at, bytes);
        for (int e = 0; e < elements.count(); e++) {
          elements.set(warp, e, lane, shape.extended(region.get(at + e * size, size)));
        }
      }
    }
  }

  static final class Store extends Instruction {
    private final Place place;
    private final Elements elements;
    private final Shape shape;

    Store(Site site, Place place, Elements elements, Shape shape) {
      super(site);
      this.place = place;
      this.elements = elements;
      this.shape = shape;
    }

    @Override
    void execute(Warp warp, int mask) {
      int size = shape.size();
      int bytes = size * elements.count();
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        long address = place.address(warp, lane);
        Region region = place.region(warp, lane, address, bytes);
        requireAligned(warp, lane, address, bytes);
        int at = place.offsetIn(region, address);
        region.shadow.write(warp, lane, at, bytes);
        for (int e = 0; e < elements.count(); e++) {
          region.set(at + e * size, size, elements.get(warp, e, lane));
        }
      }
    }
  }

  /// From or to a thread's own memory.
  static final class Local extends Instruction {
    private final Place place;
    private final Elements elements;
    private final Shape shape;
    private final boolean loads;

    Local(Site site, Place place, Elements elements, Shape shape, boolean loads) {
      super(site);
      this.place = place;
      this.elements = elements;
      this.shape = shape;
      this.loads = loads;
    }

    @Override
    void execute(Warp warp, int mask) {
      int size = shape.size();
      int bytes = size * elements.count();
      int localBytes = warp.kernel.localBytes;
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        long address = place.address(warp, lane) & ~LOCAL_WINDOW;
        if (address < 0 || address + bytes > localBytes) {
          throw warp.fault(
              Fault.Kind.OUT_OF_BOUNDS,
              lane,
              bytes + " bytes at " + address + " of " + localBytes + " bytes of local memory");
        }
        requireAligned(warp, lane, address, bytes);
        int at = lane * localBytes + (int) address;
        for (int e = 0; e < elements.count(); e++) {
          if (loads) {
            long value = Region.get(warp.local(), at + e * size, size);
            elements.set(warp, e, lane, shape.extended(value));
          } else {
            Region.set(warp.local(), at + e * size, size, elements.get(warp, e, lane));
          }
        }
      }
    }
  }

  /// `ld.const`
  static final class LoadConstant extends Instruction {
    private final Place place;
    private final Elements elements;
    private final Shape shape;

    LoadConstant(Site site, Place place, Elements elements, Shape shape) {
      super(site);
      this.place = place;
      this.elements = elements;
      this.shape = shape;
    }

    @Override
    void execute(Warp warp, int mask) {
      byte[] constants = warp.kernel.constants;
      int size = shape.size();
      int bytes = size * elements.count();
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        long address = place.address(warp, lane);
        if (address < 0 || address + bytes > constants.length) {
          throw warp.fault(
              Fault.Kind.OUT_OF_BOUNDS,
              lane,
              bytes + " bytes at " + address + " of " + constants.length + " bytes of constants");
        }
        requireAligned(warp, lane, address, bytes);
        for (int e = 0; e < elements.count(); e++) {
          long value = Region.get(constants, (int) address + e * size, size);
          elements.set(warp, e, lane, shape.extended(value));
        }
      }
    }
  }

  /// `ld.param`
  static final class LoadParameter extends Instruction {
    private final int offset;
    private final Elements elements;
    private final Shape shape;

    LoadParameter(Site site, int offset, Elements elements, Shape shape) {
      super(site);
      this.offset = offset;
      this.elements = elements;
      this.shape = shape;
    }

    @Override
    void execute(Warp warp, int mask) {
      byte[] bytes = warp.cta.launch().arguments().bytes;
      for (int e = 0; e < elements.count(); e++) {
        long value = shape.extended(Region.get(bytes, offset + e * shape.size(), shape.size()));
        for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
          elements.set(warp, e, Warp.firstLane(lanes), value);
        }
      }
    }
  }

  /// `atom` and `red`. Not checked for races: with each other they have none.
  static final class Atomic extends Instruction {
    private final Place place;
    private final Shape shape;
    private final LongBinaryOperator function;
    private final boolean exchanges;
    private final Elements operands;
    private final Elements results;

    /// @param exchanges whether it is `cas`: the second operand is stored where the first is found
    /// @param results none for `red`
    Atomic(
        Site site,
        Place place,
        Shape shape,
        LongBinaryOperator function,
        boolean exchanges,
        Elements operands,
        Elements results) {
      super(site);
      this.place = place;
      this.shape = shape;
      this.function = function;
      this.exchanges = exchanges;
      this.operands = operands;
      this.results = results;
    }

    @Override
    void execute(Warp warp, int mask) {
      int size = shape.size();
      long bits = size == Long.BYTES ? -1 : (1L << (8 * size)) - 1;
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        long address = place.address(warp, lane);
        Region region = place.region(warp, lane, address, size);
        requireAligned(warp, lane, address, size);
        int at = place.offsetIn(region, address);
        if (region.shadow.firstUnwritten(at, size) >= 0) {
          throw warp.fault(
              Fault.Kind.UNINITIALISED,
              lane,
              "changes bytes of " + region.name + ", never written");
        }
        synchronized (region) {
          long old = region.get(at, size);
          long operand = operands.get(warp, 0, lane) & bits;
          long value;
          if (exchanges) {
            value = old == operand ? operands.get(warp, 1, lane) : old;
          } else {
            value = function.applyAsLong(old, operand);
          }
          region.set(at, size, value);
          if (results.count() > 0) {
            results.set(warp, 0, lane, old);
          }
        }
      }
    }
  }

  /// `cp.async`: `size` bytes from global to shared memory, of which `given` (a register; -1: all)
  /// are read and the others zeros.
  static final class CopyAsync extends Instruction {
    private final Place target;
    private final Place source;
    private final int size;
    private final int given;

    CopyAsync(Site site, Place target, Place source, int size, int given) {
      super(site);
      this.target = target;
      this.source = source;
      this.size = size;
      this.given = given;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        int bytes = given < 0 ? size : warp.words[given + lane];
        if (bytes < 0 || bytes > size) {
          throw warp.fault(
              Fault.Kind.OUT_OF_BOUNDS, lane, "cp.async of " + bytes + " bytes out of " + size);
        }
        long to = target.address(warp, lane);
        Region shared = target.region(warp, lane, to, size);
        requireAligned(warp, lane, to, size);
        int at = target.offsetIn(shared, to);
        long from = source.address(warp, lane);
        requireAligned(warp, lane, from, size);
        Region region = shared;
        int start = 0;
        if (bytes > 0) {
          region = source.region(warp, lane, from, bytes);
          start = source.offsetIn(region, from);
          region.shadow.read(warp, lane, start, bytes);
        }
        shared.shadow.beginWrite(warp, lane, at, size);
        warp.copies.add(lane, at, size, region, start, bytes);
      }
    }
  }
}
