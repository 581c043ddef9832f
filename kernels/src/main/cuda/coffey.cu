// All operations as one module.
#include "add_position_norm.cu"
#include "gather.cu"
#include "l2_normalize.cu"
#include "neighbours.cu"
#include "norm.cu"
#include "pool.cu"
#include "softmax.cu"
