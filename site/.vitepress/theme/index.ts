import type { Theme } from 'vitepress'
import theme from 'vitepress/theme-without-fonts'
import MemoryCalculator from './MemoryCalculator.vue'
import './style.css'

export default {
  extends: theme,
  enhanceApp: ({ app }) => void app.component('MemoryCalculator', MemoryCalculator),
} satisfies Theme
