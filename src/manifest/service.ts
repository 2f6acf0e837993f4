/** module.yaml as the rooms below use it: defaults filled in. */
import type { Delivery, ServiceModule } from './model.js';
import { normaliseRepoPath } from './paths.js';
import type { Module } from './types.js';

/** @param module follows its schema. @param delivery of its host. @param stack that declares it */
export function serviceOf(
  module: Module,
  manifestPath: string,
  delivery: Delivery,
  stack: string | null,
): ServiceModule {
  const { metadata, spec } = module;
  const { runtime, smoke } = spec;
  return {
    id: metadata.id,
    manifestPath,
    stack,
    description: metadata.description ?? '',
    owner: metadata.owner ?? '',
    host: spec.host,
    composeFile: normaliseRepoPath(runtime.compose_file),
    service: runtime.compose_service ?? metadata.id,
    project: runtime.project ?? null,
    delivery: runtime.delivery ?? delivery,
    ownDelivery: runtime.delivery ?? null,
    files: (runtime.files ?? []).map(normaliseRepoPath),
    hostFiles: (runtime.host_files ?? []).map(shortest),
    smoke: {
      timeoutSeconds: smoke?.timeout_seconds ?? 120,
      stableSeconds: smoke?.stable_seconds ?? null,
      http: smoke?.http ? { url: smoke.http.url, status: smoke.http.status ?? 200 } : null,
      exits: smoke?.exits ?? null,
    },
    dependsOn: spec.depends_on ?? [],
    protected: spec.protected ?? false,
  };
}

/** A relative path without `.`; `..` stays only in front. */
function shortest(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}
