/// What one compute device offers to a forward pass: tensors in the device's memory, the dozen
/// fused operations of an encoder ([Kernels]), the providers that can open a device, and the choice
/// among them. Knows no model and no server; imports the JDK only. The backends live in the
/// packages below this one.
@NullMarked
package dev.coffey.kernels;

import org.jspecify.annotations.NullMarked;
