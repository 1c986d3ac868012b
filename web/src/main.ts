import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router'
import { routes } from './routes'
import './styles/tokens.css'
import './styles/base.css'
import './form/control.css'

for (const route of routes) router.addRoute(route)
createApp(App).use(router).mount('#app')
