import { router } from '@/router'

const key = 'barewire.place'

/** Before leaving for a login: where in the page the reader was. */
export function rememberPlace(): void {
  try {
    sessionStorage.setItem(key, router.currentRoute.value.fullPath)
  } catch {
    // Without storage they come back to the server, which is near enough.
  }
}

/** After the way back, which ends at the server: on to the tool or prompt of that server that they came from. */
export async function returnToPlace(): Promise<void> {
  await router.isReady()
  let place: string | null = null
  try {
    place = sessionStorage.getItem(key)
    sessionStorage.removeItem(key)
  } catch {
    return
  }
  const here = router.currentRoute.value
  if (place && here.name === 'server' && place.startsWith(`${here.path}/`)) await router.replace(place)
}
