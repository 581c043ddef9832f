/* A libcuda that computes nothing: device memory is the host's, work is done at once. It prints what reaches it, so that a
   test sees that JCuda hands on what it was given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long address;

static int live;

static int taken(void **handle) { *handle = malloc(64); live++; return 0; }
static int given(void *handle) { free(handle); live--; return 0; }

int cuInit(unsigned flags) { (void)flags; setvbuf(stdout, 0, _IONBF, 0); return 0; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? 0 : 101; }
int cuDeviceGetName(char *name, int length, int device) { (void)device; snprintf(name, length, "Stub card"); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { (void)device; *bytes = 1u << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  (void)device;
  *value = attribute == 75 ? 8 : attribute == 76 ? 6 : attribute == 16 ? 28 : 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { (void)device; *context = (void *)1; return 0; }
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { printf("device %d flags %u\n", device, flags); return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { (void)device; printf("release, %d live\n", live); return 0; }
int cuCtxSetCurrent(void *context) { return context == (void *)1 ? 0 : 201; }
int cuMemGetInfo_v2(size_t *available, size_t *total) { *available = 1u << 20; *total = 1u << 30; return 0; }
int cuModuleLoadData(void **module, const void *image) {
  int ptx = strstr(image, ".version") == image || strstr(image, "\n.version") == image;
  printf("load %s\n", ptx ? "ptx" : "machine code");
  return ptx ? taken(module) : 209;
}
int cuModuleUnload(void *module) { return given(module); }
int cuModuleGetFunction(void **function, void *module, const char *name) {
  (void)module;
  *function = strdup(name);
  return 0;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  if (strstr(function, "linear_f32_128")) printf("%s attribute %d = %d\n", function, attribute, value);
  return attribute != 9;
}
int cuMemAlloc_v2(address *memory, size_t bytes) {
  if (bytes > 1u << 30) return 2;
  live++;
  return posix_memalign((void **)memory, 256, bytes);
}
int cuMemFree_v2(address memory) { return given((void *)memory); }
int cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) { (void)flags; live++; *memory = malloc(bytes); return 0; }
int cuMemFreeHost(void *memory) { return given(memory); }
int cuMemsetD8Async(address memory, unsigned char value, size_t bytes, void *stream) {
  (void)stream;
  memset((void *)memory, value, bytes);
  return 0;
}
int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t bytes, void *stream) {
  (void)stream;
  memcpy((void *)to, from, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, address from, size_t bytes, void *stream) {
  (void)stream;
  memcpy(to, (void *)from, bytes);
  return 0;
}
int cuMemcpyDtoDAsync_v2(address to, address from, size_t bytes, void *stream) {
  (void)stream;
  memcpy((void *)to, (void *)from, bytes);
  return 0;
}
int cuStreamCreate(void **stream, unsigned flags) { return flags == 1 ? taken(stream) : 1; }
int cuStreamDestroy_v2(void *stream) { return given(stream); }
int cuStreamSynchronize(void *stream) { return stream == 0; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { (void)stream; (void)event; (void)flags; return 0; }
int cuStreamBeginCapture_v2(void *stream, int mode) { printf("begin capture, mode %d\n", mode); return stream == 0; }
int cuStreamEndCapture(void *stream, void **graph) { (void)stream; return taken(graph); }
int cuGraphInstantiateWithFlags(void **executable, void *graph, address flags) { (void)graph; return flags == 0 ? taken(executable) : 1; }
int cuGraphDestroy(void *graph) { return given(graph); }
int cuGraphExecDestroy(void *executable) { return given(executable); }
int cuGraphUpload(void *executable, void *stream) { printf("upload graph\n"); return executable == 0 || stream == 0; }
int cuGraphLaunch(void *executable, void *stream) { printf("launch graph\n"); return executable == 0 || stream == 0; }
int cuEventCreate(void **event, unsigned flags) { (void)flags; return taken(event); }
int cuEventDestroy_v2(void *event) { return given(event); }
int cuEventRecord(void *event, void *stream) { (void)event; (void)stream; return 0; }
int cuEventSynchronize(void *event) { (void)event; return 0; }
int cuEventElapsedTime(float *time, void *from, void *to) { (void)from; (void)to; *time = 1.5f; return 0; }
int cuGetErrorName(int code, const char **name) { *name = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_STUB"; return 0; }
int cuGetErrorString(int code, const char **words) { (void)code; *words = "said by the stub"; return 0; }
/* Knows the parameters of softmax alone: x, stride, y, stride, columns, rows, count. */
int cuLaunchKernel(const char *function, unsigned x, unsigned y, unsigned z, unsigned tx, unsigned ty, unsigned tz,
                   unsigned shared, void *stream, void **parameters, void **extra) {
  if (stream == 0 || extra != 0) return 1;
  printf("launch %s grid %u %u %u block %u %u %u shared %u", function, x, y, z, tx, ty, tz, shared);
  printf(" same %d", *(address *)parameters[0] == *(address *)parameters[2]);
  printf(" strides %d %d columns %d rows %d count %llu\n", *(int *)parameters[1], *(int *)parameters[3],
         *(int *)parameters[4], *(int *)parameters[5], *(address *)parameters[6]);
 
  return 0;
}
