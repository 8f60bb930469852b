/**
 * onnxruntime 1.30 tells its makers of machines and sessions over the network unless this is set when it loads. Set for
 * the process itself: a thread's own environment is a copy that native code does not see.
 */
export function noTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
