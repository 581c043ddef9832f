package dev.coffey.kernels.cuda.ptx;

import java.util.Arrays;

/// What is known of a region's bytes: who wrote and who read each pair of them last. Finds reads of
/// what nobody wrote, reads of what a `cp.async` is still to write, and races.
///
/// Order within a CTA is that of its barriers, kept as vector clocks: see [Warp#seen]. Two lanes of
/// a warp are ordered by `bar.warp.sync` and barriers only. Two CTAs of a launch are never ordered.
/// An access of one byte counts as one of its pair.
///
/// CTAs that run at once use this without locks: a race between them may go unseen in the moment
/// when both touch the same stamp, but none is made up.
final class Shadow {
  private static final int PAGE_SHIFT = 12;
  private static final int PAGE = 1 << PAGE_SHIFT;

  private final String space;

  /// Whether the bytes are a CTA's own: what another CTA left there then counts as unwritten.
  private final boolean ofOneCta;

  private final boolean watchesReads;
  private final long[][] writers;
  private final long[][] readers;

  /// Pages without writers of their own: whether the host wrote the whole of it.
  private final boolean[] hostWrote;

  Shadow(String space, long bytes, boolean ofOneCta, boolean watchesReads) {
    this.space = space;
    this.ofOneCta = ofOneCta;
    this.watchesReads = watchesReads;
    int pages = (int) ((bytes / 2 + PAGE) >>> PAGE_SHIFT);
    this.writers = new long[pages][];
    this.readers = new long[pages][];
    this.hostWrote = new boolean[pages];
  }

  /// The host wrote, while no kernel ran.
  void hostWrites(long offset, long bytes) {
    long end = (offset + bytes + 1) >>> 1;
    for (long at = offset >>> 1; at < end; ) {
      int page = (int) (at >>> PAGE_SHIFT);
      long next = Math.min(end, (long) (page + 1) << PAGE_SHIFT);
      if (writers[page] == null && next - at == PAGE) {
        hostWrote[page] = true;
      } else {
        int first = (int) at & PAGE - 1;
        Arrays.fill(writersOf(page), first, first + (int) (next - at), Stamp.HOST);
      }
      at = next;
    }
  }

  /// Where the first pair lies in `[offset, offset + bytes)` that nobody wrote; -1 if there is
  /// none.
  long firstUnwritten(long offset, long bytes) {
    for (long at = offset >>> 1; at < (offset + bytes + 1) >>> 1; at++) {
      if (writer((int) at) == 0) {
        return at << 1;
      }
    }
    return -1;
  }

  /// A lane reads.
  void read(Warp warp, int lane, int offset, int bytes) {
    read(warp, lane, 0, offset, bytes);
  }

  /// All lanes of a warp read together, at an address that `lane` gave.
  void readTogether(Warp warp, int lane, int offset, int bytes) {
    read(warp, lane, Stamp.LANES, offset, bytes);
  }

  private void read(Warp warp, int lane, int kind, int offset, int bytes) {
    long mine = Stamp.lane(warp.stamp, lane) | kind;
    long written = Stamp.lane(warp.stamp, lane);
    // Accesses are aligned to their size, so none lies in two pages.
    int first = offset >>> 1;
    int pairs = ((offset + bytes + 1) >>> 1) - first;
    int at = first & (PAGE - 1);
    long[] writes = writers[first >>> PAGE_SHIFT];
    long[] reads = watchesReads ? readersOf(first >>> PAGE_SHIFT) : null;
    for (int i = 0; i < pairs; i++) {
      long writer = writes != null ? writes[at + i] : writer(first + i);
      if (writer != written || kind != 0) {
        checkRead(warp, lane, kind, writer, first + i);
      }
      if (reads != null) {
        long reader = reads[at + i];
        if (reader != mine
            && reader != warp.lanesStamp
            && reader != warp.warpsStamp
            && reader != warp.ctasStamp) {
          reads[at + i] = merged(reader, mine, warp);
        }
      }
    }
  }

  private void checkRead(Warp warp, int lane, int kind, long writer, int at) {
    if (Stamp.serial(writer) == warp.serial) {
      if (Stamp.kind(writer) == Stamp.PENDING) {
        throw warp.fault(
            Fault.Kind.NOT_WAITED,
            lane,
            "reads "
                + place(at)
                + ", which a cp.async of "
                + warp.thread(writer)
                + " is still to write");
      }
      if (warp.seen[Stamp.warp(writer)] < Stamp.clock(writer)
          && !(kind == 0 && sameThread(writer, warp, lane))) {
        throw warp.fault(
            Fault.Kind.RACE,
            lane,
            "reads " + place(at) + " without a barrier after the write by " + warp.thread(writer));
      }
    } else if (ofOneCta || writer == 0) {
      throw warp.fault(Fault.Kind.UNINITIALISED, lane, "reads " + place(at) + ", never written");
    } else if (Stamp.serial(writer) >= warp.firstSerial()) {
      throw warp.fault(
          Fault.Kind.RACE, lane, "reads " + place(at) + ", which " + warp.cta(writer) + " wrote");
    }
  }

  /// What to remember of two reads so that every later write that races with one of them is found.
  private long merged(long old, long mine, Warp warp) {
    if (isStale(old, warp)) {
      return mine;
    }
    if (Stamp.serial(old) != warp.serial || Stamp.kind(old) == Stamp.CTAS) {
      return warp.ctasStamp;
    }
    if (Stamp.kind(old) == Stamp.WARPS) {
      return Stamp.clock(old) < warp.interval() ? mine : warp.warpsStamp;
    }
    if (Stamp.warp(old) == warp.index) {
      return Stamp.clock(old) == Stamp.clock(mine) ? warp.lanesStamp : mine;
    }
    // What comes after me comes also after what I come after.
    return warp.seen[Stamp.warp(old)] >= Stamp.clock(old) ? mine : warp.warpsStamp;
  }

  /// A lane writes.
  void write(Warp warp, int lane, int offset, int bytes) {
    write(warp, lane, 0, offset, bytes);
  }

  /// A lane starts a `cp.async`: until [#completeWrite] nobody may use the bytes.
  void beginWrite(Warp warp, int lane, int offset, int bytes) {
    write(warp, lane, Stamp.PENDING, offset, bytes);
  }

  private void write(Warp warp, int lane, int kind, int offset, int bytes) {
    long mine = Stamp.lane(warp.stamp, lane);
    int end = (offset + bytes + 1) >>> 1;
    for (int at = offset >>> 1; at < end; at++) {
      long[] page = writersOf(at >>> PAGE_SHIFT);
      long writer = page[at & PAGE - 1];
      if (writer != mine && !isStale(writer, warp)) {
        checkWriteAfterWrite(warp, lane, writer, at);
      }
      long[] read = readers[at >>> PAGE_SHIFT];
      if (read != null) {
        long reader = read[at & PAGE - 1];
        if (reader != mine && !isStale(reader, warp)) {
          checkWriteAfterRead(warp, lane, reader, at);
        }
      }
      page[at & PAGE - 1] = mine | kind;
    }
  }

  /// The `cp.async` of [#beginWrite] is done.
  void completeWrite(Warp warp, int lane, int offset, int bytes) {
    long mine = Stamp.lane(warp.stamp, lane);
    int end = (offset + bytes + 1) >>> 1;
    for (int at = offset >>> 1; at < end; at++) {
      writersOf(at >>> PAGE_SHIFT)[at & PAGE - 1] = mine;
    }
  }

  private void checkWriteAfterWrite(Warp warp, int lane, long writer, int at) {
    if (Stamp.serial(writer) != warp.serial) {
      throw warp.fault(
          Fault.Kind.RACE, lane, "writes " + place(at) + ", which " + warp.cta(writer) + " wrote");
    }
    if (Stamp.kind(writer) == Stamp.PENDING) {
      throw warp.fault(
          Fault.Kind.NOT_WAITED,
          lane,
          "writes "
              + place(at)
              + ", which a cp.async of "
              + warp.thread(writer)
              + " is still to write");
    }
    if (warp.seen[Stamp.warp(writer)] < Stamp.clock(writer) && !sameThread(writer, warp, lane)) {
      throw warp.fault(
          Fault.Kind.RACE,
          lane,
          "writes " + place(at) + " without a barrier after the write by " + warp.thread(writer));
    }
  }

  private void checkWriteAfterRead(Warp warp, int lane, long reader, int at) {
    boolean ordered;
    String who;
    if (Stamp.serial(reader) != warp.serial || Stamp.kind(reader) == Stamp.CTAS) {
      ordered = false;
      who = "another CTA";
    } else if (Stamp.kind(reader) == Stamp.WARPS) {
      ordered = Stamp.clock(reader) < warp.interval();
      who = "several warps";
    } else {
      ordered =
          warp.seen[Stamp.warp(reader)] >= Stamp.clock(reader)
              || (Stamp.kind(reader) == 0 && sameThread(reader, warp, lane));
      who = Stamp.kind(reader) == Stamp.LANES ? "several lanes" : warp.thread(reader);
    }
    if (!ordered) {
      throw warp.fault(
          Fault.Kind.RACE,
          lane,
          "writes " + place(at) + " without a barrier after the read by " + who);
    }
  }

  /// Whether a use was before this launch, or in a CTA's own memory by a CTA before.
  private boolean isStale(long stamp, Warp warp) {
    long serial = Stamp.serial(stamp);
    return ofOneCta ? serial != warp.serial : serial < warp.firstSerial();
  }

  private static boolean sameThread(long stamp, Warp warp, int lane) {
    return Stamp.warp(stamp) == warp.index && Stamp.lane(stamp) == lane;
  }

  private String place(int at) {
    return "bytes " + 2L * at + " and on of " + space;
  }

  private long writer(int at) {
    long[] page = writers[at >>> PAGE_SHIFT];
    if (page != null) {
      return page[at & PAGE - 1];
    }
    return hostWrote[at >>> PAGE_SHIFT] ? Stamp.HOST : 0;
  }

  private long[] writersOf(int page) {
    long[] stamps = writers[page];
    return stamps != null ? stamps : newWriters(page);
  }

  private synchronized long[] newWriters(int page) {
    if (writers[page] == null) {
      long[] stamps = new long[PAGE];
      Arrays.fill(stamps, hostWrote[page] ? Stamp.HOST : 0);
      writers[page] = stamps;
    }
    return writers[page];
  }

  private long[] readersOf(int page) {
    long[] stamps = readers[page];
    return stamps != null ? stamps : newReaders(page);
  }

  private synchronized long[] newReaders(int page) {
    if (readers[page] == null) {
      readers[page] = new long[PAGE];
    }
    return readers[page];
  }
}
