import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `npm run dev` shows the pages against a server that runs on its usual address.
const server = 'http://127.0.0.1:7070';

export default defineConfig({
  plugins: [react()],
  // The PromQL grammar that Perses brings asks for Node's name of the global object.
  define: { global: 'globalThis' },
  build: { target: 'es2022', chunkSizeWarningLimit: 700 },
  server: { proxy: { '/api': server, '/loki': server } },
});
