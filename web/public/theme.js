// Runs before the first paint, so that a remembered theme does not flash. A file, not an inline script: the page's CSP allows none.
try {
  const theme = localStorage.getItem('barewire.theme')
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme
} catch {
  // Storage can be forbidden; the system's preference then decides.
}
