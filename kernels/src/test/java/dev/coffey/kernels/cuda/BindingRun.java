package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DeviceMemoryException;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.Arrays;
import java.util.List;

/// A session with the real binding, in a process of its own: once JCuda is loaded it stays. Prints
/// what happens; [JCudaBindingTest] reads it.
final class BindingRun {
  private BindingRun() {}

  public static void main(String[] arguments) {
    CudaProvider provider = new CudaProvider();
    System.out.println(provider.probe());
    try (Kernels kernels = provider.open(new KernelsOptions(1))) {
      System.out.println(kernels.description());
      try (TensorArena arena = kernels.arena();
          Recorder recorder = kernels.recorder()) {
        float[] values = {1, 2, 3, 4, 5, 6};
        Tensor x = arena.tensor(HostTensor.of(values, 2, 3));
        kernels.softmax(x, x);
        Tensor _ =
            recorder.run(
                "key",
                List.of(),
                () -> {
                  kernels.softmax(x, x);
                  return x;
                });
        float[] read = new float[6];
        kernels.download(x, read);
        System.out.println("read " + Arrays.toString(read));
        Tensor tooLarge = arena.tensor(1 << 20, 1 << 9);
        System.out.println("not refused: " + tooLarge);
      } catch (DeviceMemoryException e) {
        System.out.println(e.getMessage());
        System.out.println(e.getCause().getMessage());
      }
    }
    System.out.flush();
  }
}
