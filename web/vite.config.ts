import react from '@vitejs/plugin-react';
import { defineConfig, type ProxyOptions } from 'vite';

/**
 * `vite preview` serves a built page beside the services it talks to, so that all of them have one
 * origin: the local HTTP API answers no preflight. What it serves and where it forwards to comes
 * from the environment; see README.md.
 */
export default defineConfig(({ isPreview }) => ({
  // Relative, so that the page can lie in any folder.
  base: './',
  // No fallback to index.html: a missing config.json has to be a 404.
  appType: 'mpa',
  plugins: [react()],
  build: {
    outDir: (isPreview ? process.env['CUEPOINT_PAGE_FOLDER'] : undefined) ?? 'dist',
    target: 'es2023',
    // The IVS player alone is larger than the default limit; it is a chunk of its own.
    chunkSizeWarningLimit: 600,
  },
  preview: {
    host: '127.0.0.1',
    port: Number(process.env['CUEPOINT_PAGE_PORT'] ?? 4173),
    strictPort: true,
    proxy: {
      ...forward('api', process.env['CUEPOINT_API_TARGET']),
      ...forward('identity', process.env['CUEPOINT_IDENTITY_TARGET']),
    },
  },
}));

/** Forwards everything below `/NAME/` to `target`, without that prefix. */
function forward(name: string, target: string | undefined): Record<string, ProxyOptions> {
  if (target === undefined) return {};
  const prefix = new RegExp(`^/${name}(?=/|$)`);
  return {
    [`^/${name}/`]: { target, changeOrigin: true, rewrite: (path) => path.replace(prefix, '') },
  };
}
