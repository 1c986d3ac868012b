import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// `npm run dev` serves the page at :5174 and hands the API to a running host.
const host = process.env.BAREWIRE_HOST_URL ?? 'http://localhost:5173'

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // The host's Content-Security-Policy allows this origin only: no `data:` URLs in the output.
    assetsInlineLimit: 0,
    // The preload polyfill is for browsers without `modulepreload`, none of which run ES2022.
    modulePreload: { polyfill: false },
  },
  test: { include: ['tests/**/*.test.ts'] },
  server: { port: 5174, proxy: { '/api': host, '/callback': host } },
})
