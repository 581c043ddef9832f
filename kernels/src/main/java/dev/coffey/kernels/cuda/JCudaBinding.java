package dev.coffey.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUctx_flags;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/// The real driver, through JCuda. To be touched only once [DriverProbe] has found a driver with
/// all that this calls, and after [JCudaLibrary#load].
final class JCudaBinding implements CudaDriver {
  private static final int NAME_BYTES = 256;

  /// With fewer processors a thread that spins while it waits for the device takes one that
  /// tokenizing needs; with more, spinning ends sooner than being woken.
  private static final int PROCESSORS_TO_SPIN = 4;

  /// Percent of what can be shared memory.
  private static final int ALL_SHARED = 100;

  private record JContext(CUcontext handle, int ordinal) implements Context {}

  private record JModule(CUmodule handle) implements Module {}

  private record JFunction(CUfunction handle) implements Function {}

  private record JStream(CUstream handle) implements Stream {}

  private record JEvent(CUevent handle) implements Event {}

  private record JGraph(CUgraphExec handle) implements Graph {}

  /// An address in host memory.
  private static final class HostPointer extends Pointer {
    HostPointer() {}

    HostPointer(long address) {
      super(address);
    }

    long address() {
      return getNativePointer();
    }
  }

  /// An address in device memory that the driver fills in.
  private static final class NewDevicePointer extends CUdeviceptr {
    long address() {
      return getNativePointer();
    }
  }

  private final boolean sleeps;

  /// @param processors that this process may use
  JCudaBinding(int processors) {
    sleeps = processors < PROCESSORS_TO_SPIN;
    check("cuInit", JCudaDriver.cuInit(0));
  }

  @Override
  public int version() {
    int[] version = new int[1];
    check("cuDriverGetVersion", JCudaDriver.cuDriverGetVersion(version));
    return version[0];
  }

  @Override
  public int deviceCount() {
    int[] count = new int[1];
    check("cuDeviceGetCount", JCudaDriver.cuDeviceGetCount(count));
    return count[0];
  }

  @Override
  public DeviceProperties properties(int ordinal) {
    CUdevice device = device(ordinal);
    byte[] name = new byte[NAME_BYTES];
    check("cuDeviceGetName", JCudaDriver.cuDeviceGetName(name, name.length, device));
    int length = 0;
    while (length < name.length && name[length] != 0) {
      length++;
    }
    long[] memory = new long[1];
    check("cuDeviceTotalMem", JCudaDriver.cuDeviceTotalMem(memory, device));
    return new DeviceProperties(
        ordinal,
        new String(name, 0, length, StandardCharsets.UTF_8),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
        memory[0],
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLOCK_RATE),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH));
  }

  @Override
  public Context retain(int ordinal) {
    if (sleeps) {
      check(
          "cuDevicePrimaryCtxSetFlags",
          JCudaDriver.cuDevicePrimaryCtxSetFlags(
              device(ordinal), CUctx_flags.CU_CTX_SCHED_BLOCKING_SYNC));
    }
    CUcontext context = new CUcontext();
    check(
        "cuDevicePrimaryCtxRetain", JCudaDriver.cuDevicePrimaryCtxRetain(context, device(ordinal)));
    JContext held = new JContext(context, ordinal);
    try {
      makeCurrent(held);
    } catch (CudaException e) {
      release(held);
      throw e;
    }
    return held;
  }

  @Override
  public void makeCurrent(Context context) {
    check("cuCtxSetCurrent", JCudaDriver.cuCtxSetCurrent(((JContext) context).handle()));
  }

  @Override
  public void release(Context context) {
    check(
        "cuDevicePrimaryCtxRelease",
        JCudaDriver.cuDevicePrimaryCtxRelease(device(((JContext) context).ordinal())));
  }

  @Override
  public Memory memory() {
    long[] free = new long[1];
    long[] total = new long[1];
    check("cuMemGetInfo", JCudaDriver.cuMemGetInfo(free, total));
    return new Memory(free[0], total[0]);
  }

  @Override
  public Module load(MemorySegment image) {
    CUmodule module = new CUmodule();
    check(
        "cuModuleLoadData",
        JCudaDriver.cuModuleLoadData(module, image.toArray(ValueLayout.JAVA_BYTE)));
    return new JModule(module);
  }

  @Override
  public void unload(Module module) {
    check("cuModuleUnload", JCudaDriver.cuModuleUnload(((JModule) module).handle()));
  }

  @Override
  public Function function(Module module, String name) {
    CUfunction function = new CUfunction();
    check(
        "cuModuleGetFunction(" + name + ")",
        JCudaDriver.cuModuleGetFunction(function, ((JModule) module).handle(), name));
    return new JFunction(function);
  }

  @Override
  public void preferSharedMemory(Function function) {
    check(
        "cuFuncSetAttribute",
        JCudaDriver.cuFuncSetAttribute(
            ((JFunction) function).handle(),
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT,
            ALL_SHARED));
  }

  @Override
  public long allocate(long bytes) {
    NewDevicePointer pointer = new NewDevicePointer();
    check("cuMemAlloc", JCudaDriver.cuMemAlloc(pointer, bytes));
    return pointer.address();
  }

  @Override
  public void free(long address) {
    check("cuMemFree", JCudaDriver.cuMemFree(device(address)));
  }

  @Override
  @SuppressWarnings("restricted") // as long as the driver allocated it
  public MemorySegment allocatePinned(long bytes) {
    HostPointer pointer = new HostPointer();
    check("cuMemHostAlloc", JCudaDriver.cuMemHostAlloc(pointer, bytes, 0));
    return MemorySegment.ofAddress(pointer.address()).reinterpret(bytes).fill((byte) 0);
  }

  @Override
  public void freePinned(MemorySegment memory) {
    check("cuMemFreeHost", JCudaDriver.cuMemFreeHost(new HostPointer(memory.address())));
  }

  @Override
  public Stream createStream() {
    CUstream stream = new CUstream();
    check(
        "cuStreamCreate",
        JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
    return new JStream(stream);
  }

  @Override
  public void destroy(Stream stream) {
    check("cuStreamDestroy", JCudaDriver.cuStreamDestroy(stream(stream)));
  }

  @Override
  public void synchronize(Stream stream) {
    check("cuStreamSynchronize", JCudaDriver.cuStreamSynchronize(stream(stream)));
  }

  @Override
  public Event createEvent(boolean timed) {
    CUevent event = new CUevent();
    int flags = timed ? CUevent_flags.CU_EVENT_DEFAULT : CUevent_flags.CU_EVENT_DISABLE_TIMING;
    if (sleeps) {
      flags |= CUevent_flags.CU_EVENT_BLOCKING_SYNC;
    }
    check("cuEventCreate", JCudaDriver.cuEventCreate(event, flags));
    return new JEvent(event);
  }

  @Override
  public void destroy(Event event) {
    check("cuEventDestroy", JCudaDriver.cuEventDestroy(event(event)));
  }

  @Override
  public void record(Event event, Stream stream) {
    check("cuEventRecord", JCudaDriver.cuEventRecord(event(event), stream(stream)));
  }

  @Override
  public void await(Stream stream, Event event) {
    check("cuStreamWaitEvent", JCudaDriver.cuStreamWaitEvent(stream(stream), event(event), 0));
  }

  @Override
  public void synchronize(Event event) {
    check("cuEventSynchronize", JCudaDriver.cuEventSynchronize(event(event)));
  }

  @Override
  public float milliseconds(Event from, Event to) {
    float[] time = new float[1];
    check("cuEventElapsedTime", JCudaDriver.cuEventElapsedTime(time, event(from), event(to)));
    return time[0];
  }

  @Override
  public void fill(long address, byte value, long bytes, Stream stream) {
    check(
        "cuMemsetD8Async",
        JCudaDriver.cuMemsetD8Async(device(address), value, bytes, stream(stream)));
  }

  @Override
  public void copyToDevice(MemorySegment source, long target, Stream stream) {
    check(
        "cuMemcpyHtoDAsync",
        JCudaDriver.cuMemcpyHtoDAsync(
            device(target), host(source), source.byteSize(), stream(stream)));
  }

  @Override
  public void copyToHost(long source, MemorySegment target, Stream stream) {
    check(
        "cuMemcpyDtoHAsync",
        JCudaDriver.cuMemcpyDtoHAsync(
            host(target), device(source), target.byteSize(), stream(stream)));
  }

  @Override
  public void copyOnDevice(long source, long target, long bytes, Stream stream) {
    check(
        "cuMemcpyDtoDAsync",
        JCudaDriver.cuMemcpyDtoDAsync(device(target), device(source), bytes, stream(stream)));
  }

  @Override
  public void launch(
      Function function, LaunchShape shape, KernelArguments arguments, Stream stream) {
    NativePointerObject[] parameters = new NativePointerObject[arguments.count()];
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] = new HostPointer(arguments.bytes().address() + arguments.offset(i));
    }
    check(
        "cuLaunchKernel",
        JCudaDriver.cuLaunchKernel(
            ((JFunction) function).handle(),
            shape.gridX(),
            shape.gridY(),
            shape.gridZ(),
            shape.threads(),
            1,
            1,
            shape.sharedBytes(),
            stream(stream),
            Pointer.to(parameters),
            null));
  }

  @Override
  public void beginCapture(Stream stream) {
    // Thread-local: what another device's thread does meanwhile is not our recording's business.
    check(
        "cuStreamBeginCapture",
        JCudaDriver.cuStreamBeginCapture(
            stream(stream), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  }

  @Override
  public Graph endCapture(Stream stream) {
    CUgraph graph = new CUgraph();
    check("cuStreamEndCapture", JCudaDriver.cuStreamEndCapture(stream(stream), graph));
    try {
      CUgraphExec executable = new CUgraphExec();
      check("cuGraphInstantiate", JCudaDriver.cuGraphInstantiate(executable, graph, 0L));
      return uploaded(new JGraph(executable), stream);
    } finally {
      check("cuGraphDestroy", JCudaDriver.cuGraphDestroy(graph));
    }
  }

  /// Else the first launch would take the device's memory for it.
  private JGraph uploaded(JGraph graph, Stream stream) {
    try {
      check("cuGraphUpload", JCudaDriver.cuGraphUpload(graph.handle(), stream(stream)));
      return graph;
    } catch (CudaException e) {
      destroy(graph);
      throw e;
    }
  }

  @Override
  public void destroy(Graph graph) {
    check("cuGraphExecDestroy", JCudaDriver.cuGraphExecDestroy(((JGraph) graph).handle()));
  }

  @Override
  public void launch(Graph graph, Stream stream) {
    check("cuGraphLaunch", JCudaDriver.cuGraphLaunch(((JGraph) graph).handle(), stream(stream)));
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = new int[1];
    check("cuDeviceGetAttribute", JCudaDriver.cuDeviceGetAttribute(value, attribute, device));
    return value[0];
  }

  private static CUdevice device(int ordinal) {
    CUdevice device = new CUdevice();
    check("cuDeviceGet", JCudaDriver.cuDeviceGet(device, ordinal));
    return device;
  }

  private static CUdeviceptr device(long address) {
    // JCuda has no way to say an address but as a distance from 0.
    return new CUdeviceptr().withByteOffset(address);
  }

  private static Pointer host(MemorySegment memory) {
    return new HostPointer(memory.address());
  }

  private static CUstream stream(Stream stream) {
    return ((JStream) stream).handle();
  }

  private static CUevent event(Event event) {
    return ((JEvent) event).handle();
  }

  private static void check(String call, int code) {
    if (code != 0) {
      String[] name = new String[1];
      String[] words = new String[1];
      JCudaDriver.cuGetErrorName(code, name);
      JCudaDriver.cuGetErrorString(code, words);
      throw new CudaException(call, code, name[0] + ", " + words[0]);
    }
  }
}
