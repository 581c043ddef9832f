package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Recorder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Records as CUDA graphs: one launch for a whole forward pass, whose kernels then follow each
/// other without the host.
final class CudaRecorder implements Recorder {
  /// A graph, and the tensors that it writes to.
  record Recording<T>(CudaDriver.Graph graph, T result) {}

  private final CudaKernels kernels;
  private final CudaDevice device;
  private final Map<Object, Recording<?>> recordings = new HashMap<>();
  private final Cleanup cleanup = new Cleanup();

  CudaRecorder(CudaKernels kernels, CudaDevice device) {
    this.kernels = kernels;
    this.device = device;
  }

  @Override
  public boolean records() {
    return true;
  }

  @Override
  public <T> T run(Object key, List<Bound> bounds, Supplier<T> work) {
    Recording<T> recording = recording(key, bounds, work);
    kernels.flush();
    device.driver().launch(recording.graph(), device.stream());
    return recording.result();
  }

  @Override
  public <T> Optional<T> prepare(Object key, List<Bound> bounds, Supplier<T> work) {
    return Optional.of(recording(key, bounds, work).result());
  }

  @SuppressWarnings("unchecked") // equal keys, same work
  private <T> Recording<T> recording(Object key, List<Bound> bounds, Supplier<T> work) {
    Recording<?> known = recordings.get(key);
    if (known != null) {
      return (Recording<T>) known;
    }
    Recording<T> made = kernels.record(bounds, work);
    cleanup.add(() -> device.driver().destroy(made.graph()));
    recordings.put(key, made);
    return made;
  }

  @Override
  public void close() {
    recordings.clear();
    cleanup.close();
  }
}
