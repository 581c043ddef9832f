package dev.coffey.kernels.cuda;

import dev.coffey.kernels.BatchSlot;
import dev.coffey.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// A batch's way in and out of the card: its ids are copied in beside what is being computed, by
/// events between the two streams, and its results into pinned memory of its own.
final class CudaSlot implements BatchSlot {
  /// Results of an ordinary batch: 1300 vectors of 768 numbers. What does not fit is waited for.
  private static final long RESULT_BYTES = 4L << 20;

  /// Results begin on a line of the caches.
  private static final long ALIGNMENT = 64;

  /// Numbers on their way into [#results].
  private record Landing(Tensor source, long place, Consumer<float[]> taker) {}

  private final CudaKernels kernels;
  private final CudaDevice device;
  private final Cleanup cleanup = new Cleanup();
  private final CudaDriver.Event copied;
  private final CudaDriver.Event read;
  private final CudaDriver.Event done;
  private final MemorySegment results;
  private final List<Landing> landings = new ArrayList<>();
  private long used;

  /// Whether something of this batch was copied in.
  private boolean copiedIn;

  /// Whether the copies may still be reading pinned memory.
  private boolean copying;

  CudaSlot(CudaKernels kernels, CudaDevice device) {
    this.kernels = kernels;
    this.device = device;
    try {
      copied = device.driver().createEvent(false);
      cleanup.add(() -> device.driver().destroy(copied));
      read = device.driver().createEvent(false);
      cleanup.add(() -> device.driver().destroy(read));
      done = device.driver().createEvent(false);
      cleanup.add(() -> device.driver().destroy(done));
      results = device.allocatePinned(RESULT_BYTES);
      cleanup.add(() -> device.freePinned(results));
    } catch (Throwable failure) {
      cleanup.closeAfter(failure);
      throw failure;
    }
  }

  @Override
  public void begin() {
    // Awaited, so nothing reads or writes what is the slot's own.
    copying = false;
    copiedIn = false;
    used = 0;
    landings.clear();
    kernels.enter(this);
  }

  /// Waits until what was uploaded for this batch may be written again.
  void awaitCopies() {
    if (copying) {
      device.driver().synchronize(copied);
      copying = false;
    }
  }

  /// Puts the copies that `copies` makes beside what is computed, and what is launched from now on
  /// behind them.
  void copyIn(Consumer<CudaDriver.Stream> copies) {
    CudaDriver driver = device.driver();
    if (copiedIn) {
      // What was copied before may have its place, and be read yet.
      driver.record(read, device.stream());
      driver.await(device.copyStream(), read);
    }
    copies.accept(device.copyStream());
    driver.record(copied, device.copyStream());
    driver.await(device.stream(), copied);
    copiedIn = true;
    copying = true;
  }

  @Override
  public void fetch(Tensor source, Consumer<float[]> taker) {
    if (source.rows() == 0 || source.columns() == 0) {
      landings.add(new Landing(source, 0, taker));
      return;
    }
    long extent = kernels.extent(source);
    if (extent > results.byteSize() - used) {
      // What came before goes first, and leaves room.
      device.synchronize();
      land();
    }
    if (extent > results.byteSize()) {
      float[] numbers = new float[Math.multiplyExact(source.rows(), source.columns())];
      kernels.download(source, numbers);
      taker.accept(numbers);
      return;
    }
    device
        .driver()
        .copyToHost(source.data().address(), results.asSlice(used, extent), device.stream());
    landings.add(new Landing(source, used, taker));
    used += Math.ceilDiv(extent, ALIGNMENT) * ALIGNMENT;
  }

  @Override
  public void end() {
    kernels.leave();
    device.driver().record(done, device.stream());
  }

  @Override
  public void await() {
    device.driver().synchronize(done);
    land();
  }

  private void land() {
    for (Landing landing : landings) {
      Tensor source = landing.source();
      float[] numbers = new float[source.rows() * source.columns()];
      kernels.read(results.asSlice(landing.place()), source, numbers);
      landing.taker().accept(numbers);
    }
    landings.clear();
    used = 0;
  }

  @Override
  public void abandon() {
    kernels.leave();
    landings.clear();
    // What was begun may still read or write what is the slot's own.
    device.driver().synchronize(device.copyStream());
    device.synchronize();
  }

  @Override
  public void close() {
    cleanup.close();
  }
}
